import { existsSync, lstatSync, readlinkSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import type { Layer, SandboxLimits } from './types.ts';

/** Where the writable folder of a run appears inside. */
export const JOB = '/job';
/** Home folder inside: private, empty and gone after the run. */
export const HOME = '/home/run';
/** Search path inside; `node` and, where the host has it, `npm` live in /opt. */
export const INSIDE_PATH = '/opt:/usr/local/bin:/usr/bin:/bin';
/** Search path of the wrappers outside; never the server's own, which a user may have extended. */
export const WRAPPER_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** One entry of the root that a run sees. Everything not listed does not exist inside. */
export type Mount =
  | { readonly kind: 'bind'; readonly from: string; readonly at: string; readonly writable?: boolean }
  | { readonly kind: 'tmpfs'; readonly at: string; readonly bytes: number; readonly mode: string }
  | { readonly kind: 'symlink'; readonly target: string; readonly at: string };

/** What differs from run to run. */
export interface Room {
  readonly work: string;
  /** Folder with the `passwd`, `group` and `hosts` written for this run. */
  readonly etc: string;
  readonly layers: readonly Layer[];
  readonly tmpBytes: SandboxLimits['tmpBytes'];
}

const SYSTEM_FOLDERS = ['/bin', '/sbin', '/lib', '/lib64', '/lib32', '/libx32'];
const SHARED_ETC = ['ssl', 'pki', 'alternatives', 'fonts', 'ld.so.cache', 'nsswitch.conf', 'localtime'];

/** The allow-list root, in the order in which it has to be mounted (`/proc` and `/dev` are the engine's). */
export function mountsFor(room: Room): Mount[] {
  return [
    { kind: 'bind', from: '/usr', at: '/usr' },
    ...SYSTEM_FOLDERS.flatMap(systemFolder),
    { kind: 'tmpfs', at: '/tmp', bytes: room.tmpBytes, mode: '1777' },
    { kind: 'tmpfs', at: '/dev/shm', bytes: room.tmpBytes, mode: '1777' },
    { kind: 'tmpfs', at: HOME, bytes: room.tmpBytes, mode: '1777' },
    ...SHARED_ETC.flatMap((name) => bindIfPresent(`/etc/${name}`)),
    ...['passwd', 'group', 'hosts'].map((name) => bind(join(room.etc, name), `/etc/${name}`)),
    bind(process.execPath, '/opt/node'),
    ...npmFolder().flatMap(npmMounts),
    ...room.layers.map(({ from, at }) => bind(realpathSync(from), at)),
    { kind: 'bind', from: room.work, at: JOB, writable: true },
  ];
}

/** The server's npm package folder, found by its search path; none if it has no npm. */
function npmFolder(): string[] {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const npm = join(folder, 'npm');
    if (folder === '' || !existsSync(npm)) continue;
    const script = realpathSync(npm);
    if (script.endsWith(join('bin', 'npm-cli.js'))) return [dirname(dirname(script))];
  }
  return [];
}

const npmMounts = (from: string): Mount[] => [
  bind(from, '/opt/npm-package'),
  { kind: 'symlink', target: 'npm-package/bin/npm-cli.js', at: '/opt/npm' },
  { kind: 'symlink', target: 'npm-package/bin/npx-cli.js', at: '/opt/npx' },
];

const bind = (from: string, at: string): Mount => ({ kind: 'bind', from, at });
const bindIfPresent = (path: string): Mount[] => (existsSync(path) ? [bind(realpathSync(path), path)] : []);

/** Merged-usr hosts have symlinks here, others have folders: the inside looks like the host. */
function systemFolder(path: string): Mount[] {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat?.isSymbolicLink()) return [{ kind: 'symlink', target: readlinkSync(path), at: path }];
  return stat?.isDirectory() ? [bind(path, path)] : [];
}
