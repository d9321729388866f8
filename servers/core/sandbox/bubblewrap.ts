import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { dropTo, type Engine, endNamespace, INIT, type Invocation, limited, type Plan } from './engine.ts';
import { type Mount, WRAPPER_PATH } from './layout.ts';
import { OWNERSHIP_TOOLS } from './ownership.ts';
import { seccompFilter } from './seccomp.ts';
import { missingTool } from './tools.ts';
import type { Enforced } from './types.ts';

const TOOLS = ['bwrap', 'setpriv', 'prlimit', 'env', 'sh', ...OWNERSHIP_TOOLS];
const HELD: Omit<Enforced, 'uid'> = {
  files: 'allow-list',
  network: 'namespace',
  tree: 'namespace',
  seccomp: true,
  userNamespaces: 'closed',
  processes: 'total',
  memory: 'per-process',
  disk: 'per-file',
  tmp: 'total',
};

/**
 * Bubblewrap started by root: it mounts as root, so that the work folder may lie below folders that the run's
 * own user could not enter, and changes the user last.
 */
export const bubblewrapAsRoot: Engine = {
  name: 'bubblewrap-root',
  isolation: 'full',
  enforced: { ...HELD, uid: 'own' },
  obstacle: () => (process.getuid?.() === 0 ? unusable() : 'the server does not run as root'),
  prepare: (plan) => prepare(plan, AS_ROOT, dropTo(plan.uid)),
  endTree: endNamespace,
};

/** Bubblewrap started by an ordinary user, in a user namespace in which no further one can be opened. */
export const bubblewrapAsUser: Engine = {
  name: 'bubblewrap-user',
  isolation: 'full',
  enforced: { ...HELD, uid: 'server' },
  obstacle: () => (process.getuid?.() === 0 ? 'the server runs as root' : unusable()),
  prepare: (plan) => prepare(plan, ['--unshare-all', '--unshare-user', '--disable-userns'], []),
  endTree: endNamespace,
};

const AS_ROOT = [
  ...[
    '--unshare-ipc',
    '--unshare-pid',
    '--unshare-net',
    '--unshare-uts',
    '--unshare-cgroup',
    '--cap-drop',
    'ALL',
  ],
  ...['--cap-add', 'CAP_SETUID', '--cap-add', 'CAP_SETGID', '--cap-add', 'CAP_SETPCAP'],
];

const unusable = (): string | undefined =>
  seccompFilter() ? missingTool(TOOLS) : `no system call filter is known for ${process.arch}`;

/**
 * The first process inside stays the user that started bubblewrap: its death signal comes from bubblewrap's
 * outer half, which has given up the right to signal other users.
 */
async function prepare(
  plan: Plan,
  namespaces: readonly string[],
  drop: readonly string[],
): Promise<Invocation> {
  const filter = join(plan.scratch, 'filter.bpf');
  await writeFile(filter, seccompFilter() ?? '');
  return {
    file: 'bwrap',
    args: [
      ...[...namespaces, '--die-with-parent', '--new-session', '--as-pid-1', '--seccomp', '3'],
      ...[
        ...openFolders(plan.mounts),
        '--proc',
        '/proc',
        '--dev',
        '/dev',
        ...plan.mounts.flatMap(mountOptions),
      ],
      ...['--remount-ro', '/', '--', ...INIT, ...drop, ...limited(plan)],
    ],
    env: { PATH: WRAPPER_PATH, LANG: 'C' },
    cwd: '/',
    fd3: filter,
    asks: true,
  };
}

/** Folders that bubblewrap would make for root alone if they were not asked for by name. */
function openFolders(mounts: readonly Mount[]): string[] {
  const parents = mounts.flatMap(({ at }) =>
    at
      .split('/')
      .slice(1, -1)
      .map((_, i, names) => `/${names.slice(0, i + 1).join('/')}`),
  );
  return [...new Set(parents)]
    .filter((path) => path !== '/dev')
    .flatMap((path) => ['--perms', '0755', '--dir', path]);
}

function mountOptions(mount: Mount): string[] {
  if (mount.kind === 'symlink') return ['--symlink', mount.target, mount.at];
  if (mount.kind === 'tmpfs') return ['--size', `${mount.bytes}`, '--perms', mount.mode, '--tmpfs', mount.at];
  return [mount.writable ? '--bind' : '--ro-bind', mount.from, mount.at];
}
