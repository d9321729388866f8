import { randomInt } from 'node:crypto';
import { execa } from 'execa';
import { WRAPPER_PATH } from './layout.ts';
import { SandboxError } from './types.ts';

/** Above every range that distributions, containers and directory services hand out. */
const RUN_UIDS = { from: 1_900_000_000, to: 2_000_000_000 };
/** What lending a work folder needs of the system. */
export const OWNERSHIP_TOOLS = ['getent', 'chown', 'find', 'stat'];
const TOOL = { env: { PATH: WRAPPER_PATH, LANG: 'C' }, extendEnv: false, reject: false, cwd: '/' } as const;

/** A user id that no account has, drawn from a range so wide that two runs never meet. */
export async function unusedUid(): Promise<number> {
  for (let attempt = 0; attempt < 10; attempt++) {
    const uid = randomInt(RUN_UIDS.from, RUN_UIDS.to);
    const account = await execa('getent', ['passwd', `${uid}`], TOOL);
    if (account.exitCode === 2) return uid;
  }
  throw new SandboxError('No user id without an account could be found for the run.');
}

/**
 * Hands the whole tree to a user, symlinks themselves included and never what they point to. The kernel clears
 * set-user-id bits on the way.
 */
export async function giveTree(path: string, uid: number, gid: number): Promise<void> {
  const { exitCode } = await execa('chown', ['-RhP', `${uid}:${gid}`, '--', path], TOOL);
  if (exitCode !== 0) throw new SandboxError('The work folder could not be handed over.');
}

/**
 * Refuses a work folder in which a file has another name outside it: a run could write through it, for
 * instance into the objects of the repository a local clone was made from.
 *
 * @throws {SandboxError} naming the way out
 */
export async function refuseOutsideLinks(work: string): Promise<void> {
  const format = process.platform === 'linux' ? ['-c', '%d:%i %h'] : ['-f', '%d:%i %l'];
  const search = [work, '!', '-type', 'd', '-links', '+1', '-exec', 'stat', ...format, '{}', '+'];
  const found = await execa('find', search, { ...TOOL, maxBuffer: 50_000_000 });
  if (found.exitCode !== 0) throw new SandboxError('The work folder could not be examined.');
  const names = new Map<string, number>();
  const lines = found.stdout.split('\n').filter((line) => line !== '');
  for (const line of lines) names.set(line, (names.get(line) ?? 0) + 1);
  for (const [line, inside] of names) {
    if (Number(line.split(' ')[1]) === inside) continue;
    throw new SandboxError(
      'A file in the work folder is hard-linked to a place outside; copy it (git clone --no-hardlinks).',
    );
  }
}
