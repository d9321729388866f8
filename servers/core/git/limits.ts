import { GitError, GitRefusal, type GitResult, type Repo, runGit } from './git.ts';

/** The largest change that is let in. Sizes in bytes, uncompressed except `packBytes`; times in milliseconds. */
export type IntakeLimits = {
  packBytes: number;
  objectBytes: number;
  objects: number;
  entries: number;
  depth: number;
  pathBytes: number;
  timeMs: number;
};

/** For what an agent submits. */
export const SUBMISSION_LIMITS: IntakeLimits = {
  packBytes: 50_000_000,
  objectBytes: 20_000_000,
  objects: 50_000,
  entries: 50_000,
  depth: 50,
  pathBytes: 1024,
  timeMs: 30_000,
};

/** For the repository a person starts a factory from. */
export const SEED_LIMITS: IntakeLimits = {
  ...SUBMISSION_LIMITS,
  packBytes: 2_000_000_000,
  objectBytes: 100_000_000,
  objects: 5_000_000,
  entries: 500_000,
  timeMs: 600_000,
};

export const tooLarge = (why: string, cause?: unknown) => new GitRefusal('git.too-large', why, cause);

function outputOf(command: string, result: GitResult): Buffer {
  if (result.truncated || result.timedOut) {
    throw tooLarge('The commit is too large to be listed.', new GitError(command, result));
  }
  if (result.code !== 0) {
    throw new GitRefusal('git.malformed', 'The commit can not be read whole.', new GitError(command, result));
  }
  return result.stdout;
}

/**
 * Refuses a tree that nests too deep, names too long or holds too much: a few kilobytes of objects can stand for
 * ten thousand million files. Folders count too. Throws `git.too-large` or `git.malformed`.
 */
export async function checkTreeSize(repo: Repo, commit: string, limits: IntakeLimits): Promise<void> {
  const args = ['ls-tree', '-r', '-t', '-z', '--name-only', '--full-tree', commit];
  const maxBytes = Math.min(limits.entries * 200, 200_000_000);
  const result = await runGit(repo, args, { maxBytes, timeoutMs: limits.timeMs });
  const paths = outputOf('ls-tree', result).toString('latin1').split('\0').slice(0, -1);
  if (paths.length > limits.entries) throw tooLarge(`The tree has more than ${limits.entries} entries.`);
  for (const path of paths) {
    if (path.length > limits.pathBytes) throw tooLarge(`A path is longer than ${limits.pathBytes} bytes.`);
    if (path.split('/').length > limits.depth) throw tooLarge(`Folders nest deeper than ${limits.depth}.`);
  }
}

/** Refuses too many or too large new objects: those that `commit` reaches and `known` does not. */
export async function checkNewObjects(
  repo: Repo,
  commit: string,
  known: string | undefined,
  limits: IntakeLimits,
): Promise<void> {
  const not = known === undefined ? [] : ['--not', known];
  const bytes = (count: number) => ({ maxBytes: count * limits.objects, timeoutMs: limits.timeMs });
  const listed = await runGit(
    repo,
    ['rev-list', '--objects', '--no-object-names', commit, ...not],
    bytes(41),
  );
  const ids = outputOf('rev-list', listed);
  const check = ['cat-file', '--batch-check=%(objecttype) %(objectsize)'];
  const sizes = outputOf('cat-file', await runGit(repo, check, { input: ids, ...bytes(32) }));
  for (const line of sizes.toString('latin1').split('\n').slice(0, -1)) {
    const size = Number(line.split(' ')[1]);
    if (!(size <= limits.objectBytes)) throw tooLarge(`A file is larger than ${limits.objectBytes} bytes.`);
  }
}
