import { statSync } from 'node:fs';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { dropTo, type Engine, endNamespace, INIT, type Invocation, limited, type Plan } from './engine.ts';
import { type Mount, WRAPPER_PATH } from './layout.ts';
import { OWNERSHIP_TOOLS } from './ownership.ts';
import { missingTool } from './tools.ts';
import type { Enforced } from './types.ts';

const TOOLS = [
  'setpriv',
  'unshare',
  'mount',
  'umount',
  'pivot_root',
  'prlimit',
  'env',
  'sh',
  ...OWNERSHIP_TOOLS,
];
const HELD: Omit<Enforced, 'uid' | 'userNamespaces'> = {
  files: 'allow-list',
  network: 'namespace',
  tree: 'namespace',
  seccomp: false,
  processes: 'total',
  memory: 'per-process',
  disk: 'per-file',
  tmp: 'total',
};

/** Namespaces made by util-linux, started as root: what a bare Linux machine has. */
export const utilLinuxAsRoot: Engine = {
  name: 'util-linux-root',
  isolation: 'full',
  enforced: { ...HELD, uid: 'own', userNamespaces: 'open' },
  obstacle: () => (process.getuid?.() === 0 ? missingTool(TOOLS) : 'the server does not run as root'),
  prepare: (plan) => prepare(plan, [], dropTo(plan.uid)),
  endTree: endNamespace,
};

/**
 * The same as an ordinary user: the mounts are made as root of a user namespace, the command runs as the real
 * user again in a second one, which has no rights over those mounts and can't open a third.
 */
export const utilLinuxAsUser: Engine = {
  name: 'util-linux-user',
  isolation: 'full',
  enforced: { ...HELD, uid: 'server', userNamespaces: 'closed' },
  obstacle: () => (process.getuid?.() === 0 ? 'the server runs as root' : missingTool(TOOLS)),
  prepare: (plan) => prepare(plan, ['--user', '--map-root-user'], dropToRealUser(plan.uid)),
  endTree: endNamespace,
};

const CLOSE = 'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"';

const dropToRealUser = (uid: number): string[] => [
  ...['unshare', '--user', '--keep-caps', `--map-user=${uid}`, `--map-group=${process.getgid?.() ?? uid}`],
  ...['sh', '-c', CLOSE, 'close', 'setpriv', '--pdeathsig', 'KILL', '--no-new-privs'],
  ...['--bounding-set=-all', '--inh-caps=-all', '--ambient-caps=-all', '--'],
];

/**
 * Arguments: new root, mount table, command. All mounts are made below the
 * new root; then it becomes the root and the old one is detached.
 */
const ENTER = `
set -eu
root=$1 table=$2
shift 2
ip link set lo up 2>/dev/null || ifconfig lo up 2>/dev/null ||
  perl -e 'socket(S,2,1,0) && ioctl(S,0x8914,pack("a16 s","lo",0x41)) or exit 1'
mount -a -T "$table"
cd "$root"
pivot_root . .old
umount -l /.old
mount -o remount,bind,ro,nosuid,nodev /
cd /
exec "$@"
`;

async function prepare(
  plan: Plan,
  userNamespace: readonly string[],
  drop: readonly string[],
): Promise<Invocation> {
  const root = join(plan.scratch, 'root');
  const table = join(plan.scratch, 'fstab');
  await buildSkeleton(root, plan.mounts);
  await writeFile(table, mountTable(root, plan.mounts));
  return {
    file: 'setpriv',
    args: [
      ...[
        '--pdeathsig',
        'KILL',
        'unshare',
        ...userNamespace,
        '--mount',
        '--pid',
        '--fork',
        '--kill-child=KILL',
      ],
      ...['--net', '--ipc', '--uts', '--cgroup', 'sh', '-c', ENTER, 'enter', root, table],
      ...drop,
      ...INIT,
      ...limited(plan),
    ],
    env: { PATH: WRAPPER_PATH, LANG: 'C' },
    cwd: '/',
    asks: true,
  };
}

const DEVICES = ['null', 'zero', 'full', 'random', 'urandom', 'tty'];
const DEVICE_LINKS: Record<string, string> = {
  ptmx: 'pts/ptmx',
  fd: '/proc/self/fd',
  stdin: '/proc/self/fd/0',
  stdout: '/proc/self/fd/1',
  stderr: '/proc/self/fd/2',
};

/** Empty folders, empty files and symlinks: the places on which the table mounts. */
async function buildSkeleton(root: string, mounts: readonly Mount[]): Promise<void> {
  for (const folder of ['proc', 'dev/pts', '.old']) await mkdir(join(root, folder), { recursive: true });
  for (const device of DEVICES) await writeFile(join(root, 'dev', device), '');
  for (const [name, target] of Object.entries(DEVICE_LINKS)) await symlink(target, join(root, 'dev', name));
  for (const mount of mounts) {
    const place = join(root, mount.at);
    const isFile = mount.kind === 'bind' && !statSync(mount.from).isDirectory();
    await mkdir(mount.kind === 'symlink' || isFile ? dirname(place) : place, { recursive: true });
    if (isFile) await writeFile(place, '');
    if (mount.kind === 'symlink') await symlink(mount.target, place);
  }
}

function mountTable(root: string, mounts: readonly Mount[]): string {
  const line = (from: string, at: string, type: string, options: string) =>
    `${fstabField(from)} ${fstabField(join(root, at))} ${type} ${options} 0 0\n`;
  return [
    line(root, '/', 'none', 'bind'),
    line('proc', '/proc', 'proc', 'nosuid,nodev,noexec'),
    line('devpts', '/dev/pts', 'devpts', 'newinstance,ptmxmode=0666,mode=0620,nosuid,noexec'),
    ...DEVICES.map((device) => line(`/dev/${device}`, `/dev/${device}`, 'none', 'bind,nosuid,noexec')),
    ...mounts.flatMap((mount) => {
      if (mount.kind === 'symlink') return [];
      if (mount.kind === 'tmpfs') {
        return [line('tmpfs', mount.at, 'tmpfs', `size=${mount.bytes},mode=${mount.mode},nosuid,nodev`)];
      }
      return [line(mount.from, mount.at, 'none', `bind,${mount.writable ? 'rw' : 'ro'},nosuid,nodev`)];
    }),
  ].join('');
}

/** As fstab(5) wants white space and backslashes written. */
const fstabField = (path: string): string =>
  path.replace(/[\\\s]/g, (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`);
