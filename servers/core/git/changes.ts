import { createHash } from 'node:crypto';
import { GitError, GitRefusal, git, type Repo, runGit } from './git.ts';
import { commitId } from './objects.ts';

/** One path that differs. Modes are octal as git prints them, `000000` and an id of zeros where there is no file. */
export type Change = {
  /** Added, deleted, modified, type changed. A rename is a deletion and an addition. */
  status: 'A' | 'D' | 'M' | 'T';
  oldMode: string;
  newMode: string;
  oldId: string;
  newId: string;
  /** UTF-8; other bytes are U+FFFD, which `checkPaths` refuses. */
  path: string;
};

const NOTHING_HIDDEN = [
  '--no-renames',
  '--no-ext-diff',
  '--no-textconv',
  '--ignore-submodules=none',
  '--full-index',
];
const RAW = ['diff-tree', '-r', '-z', '--raw', ...NOTHING_HIDDEN];
const MAX_COMMITS = 2000;

/** Reads a raw record; one of a merge has a mode and an id per parent, of which the first parent's count as old. */
function parseChange(head: string, path: string): Change {
  const parents = head.match(/^:+/)?.[0].length ?? 0;
  const fields = head.slice(parents).split(' ');
  const [oldMode, newMode, oldId, newId] = [0, parents, parents + 1, 2 * parents + 1].map((at) => fields[at]);
  const status = fields[2 * parents + 2]?.at(-1);
  const known = status === 'A' || status === 'D' || status === 'M' || status === 'T';
  if (!oldMode || !newMode || !oldId || !newId || !known) throw new Error(`not a raw diff: ${head}`);
  return { status, oldMode, newMode, oldId, newId, path };
}

function parseRaw(output: Buffer): Change[] {
  const parts = output.toString('utf8').split('\0').slice(0, -1);
  const changes: Change[] = [];
  for (let at = 0; at + 1 < parts.length; at += 2) {
    changes.push(parseChange(parts[at] ?? '', parts[at + 1] ?? ''));
  }
  return changes;
}

/** Every path in which the trees of two commits differ, in git's order. Nothing that a tree holds can hide one. */
export async function changes(bare: Repo, base: string, tip: string): Promise<Change[]> {
  return parseRaw(await git(bare, [...RAW, commitId(base), commitId(tip)]));
}

/**
 * Every change that a commit between `base` and `tip` makes against its parents, so that a path which was changed
 * and changed back is seen. Of a merge: only what differs from all its parents. One path can occur many times.
 * Throws `git.too-large` for more than 2,000 commits.
 */
export async function everyCommitChanges(bare: Repo, base: string, tip: string): Promise<Change[]> {
  const range = [commitId(tip), '--not', commitId(base)];
  const commits = await git(bare, ['rev-list', `--max-count=${MAX_COMMITS + 1}`, ...range]);
  if (commits.length > MAX_COMMITS * 41) {
    throw new GitRefusal('git.too-large', `The branch has more than ${MAX_COMMITS} commits.`);
  }
  const args = [...RAW, '--stdin', '-c', '--root', '--no-commit-id'];
  return parseRaw(await git(bare, args, { input: commits }));
}

/**
 * sha256, in hexadecimal, of the raw form of a change: old and new mode and id of every path. Equal digests mean
 * the same files went from the same content to the same content, which is when a review carries over.
 */
export function diffDigest(changed: readonly Change[]): string {
  const hash = createHash('sha256');
  for (const { oldMode, newMode, oldId, newId, status, path } of changed) {
    hash.update(`:${oldMode} ${newMode} ${oldId} ${newId} ${status}\0${path}\0`);
  }
  return hash.digest('hex');
}

/**
 * The one commit where two histories part. Throws `git.unrelated` if they share none and `git.several-bases` if
 * they crossed, as no single diff then shows what a branch did.
 */
export async function mergeBase(bare: Repo, a: string, b: string): Promise<string> {
  const result = await runGit(bare, ['merge-base', '--all', commitId(a), commitId(b)]);
  if (result.code === 1) throw new GitRefusal('git.unrelated', 'The commits share no history.');
  if (result.code !== 0) throw new GitError('merge-base', result);
  const [base = '', ...others] = result.stdout.toString('utf8').trimEnd().split('\n');
  if (others.length === 0) return base;
  throw new GitRefusal(
    'git.several-bases',
    'The branch and the mainline were merged into each other. Make one new commit on top of mainline.',
  );
}

/** The change as a reader sees it: a patch, cut at `maxBytes`. For eyes only; rules look at `changes`. */
export async function diffText(
  bare: Repo,
  base: string,
  tip: string,
  { maxBytes }: { maxBytes: number },
): Promise<{ text: string; truncated: boolean }> {
  const args = ['diff-tree', '-r', '-p', '--no-color', ...NOTHING_HIDDEN, commitId(base), commitId(tip)];
  const result = await runGit(bare, args, { maxBytes });
  if (!result.truncated && result.code !== 0) throw new GitError('diff-tree', result);
  const text = result.stdout.toString('utf8');
  return { text: result.truncated ? text.replace(/\uFFFD+$/, '') : text, truncated: result.truncated };
}
