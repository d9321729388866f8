import { lchown } from 'node:fs/promises';
import { execa } from 'execa';
import { endUser } from './sandbox/end_user.ts';
import { dropTo } from './sandbox/engine.ts';
import { WRAPPER_PATH } from './sandbox/layout.ts';
import { giveTree } from './sandbox/ownership.ts';
import { processesOf } from './sandbox/process-tree.ts';
import { missingTool } from './sandbox/tools.ts';

/** A user of the operating system that agents run as. */
export interface OsUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

const TOOL = { env: { PATH: WRAPPER_PATH, LANG: 'C' }, extendEnv: false, reject: false, cwd: '/' } as const;

/** The user of this name, or with this number, which needs no account; undefined when there is none. */
export async function findUser(name: string): Promise<OsUser | undefined> {
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/.test(name)) return undefined;
  const { exitCode, stdout } = await execa('getent', ['passwd', name], TOOL);
  const [account, , uid, gid, , home] = stdout.split(':');
  if (exitCode === 0 && account) return { name, uid: Number(uid), gid: Number(gid), home: home ?? '/' };
  const number = Number(name);
  if (!/^\d+$/.test(name) || number > 4_294_967_294) return undefined;
  return { name, uid: number, gid: number, home: '/nonexistent' };
}

/** Why this process cannot run agents as `user`, in one sentence; undefined when it was tried and can. */
export async function whyNotAs(user: OsUser): Promise<string | undefined> {
  if (user.uid === 0 || user.uid === process.geteuid?.())
    return `${user.name} is the user of the servers, or root; agents need another one.`;
  const missing = missingTool(['setpriv', 'getent', 'chown']);
  if (missing) return `Separate users need Linux with util-linux: ${missing}.`;
  const [file = '', ...args] = asUser(user, ['sh', '-c', 'id -u; grep -h ^Cap /proc/self/status']);
  const { exitCode, stdout } = await execa(file, args, TOOL);
  const [uid, ...sets] = stdout.split('\n');
  if (exitCode !== 0 || uid !== String(user.uid))
    return `Separate users need root: this process cannot become ${user.name}.`;
  if (sets.some((set) => !/\s0+$/.test(set))) return `${user.name} keeps rights of root when it is become.`;
  return undefined;
}

/** The command that runs `command` as a user, with no way back: no capability, and no program that gives one. */
export const asUser = ({ uid, gid }: OsUser, command: readonly string[]): string[] => [
  ...dropTo(uid, gid),
  ...command,
];

/** Gives a folder that the user could not enter so far to the user. */
export const giveFolder = (path: string, { uid, gid }: OsUser): Promise<void> => giveTree(path, uid, gid);

/**
 * Closes a folder that belonged to a user to it. Only the folder itself changes hands: what is in it may be anything,
 * and nobody gets there any more.
 */
export const closeFolder = (path: string): Promise<void> =>
  lchown(path, process.geteuid?.() ?? 0, process.getegid?.() ?? 0);

/** Kills all that runs as the user. Throws when something is left, for then nobody else may be this user. */
export async function endAllOf({ name, uid, gid }: OsUser): Promise<void> {
  await endUser(uid, gid);
  const left = processesOf(uid);
  if (left.length > 0) throw new Error(`Processes of ${name} could not be ended: ${left.join(', ')}`);
}

/** What runs as the user now. */
export const runsOfUser = ({ uid }: OsUser): number[] => processesOf(uid);
