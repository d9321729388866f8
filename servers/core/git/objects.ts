import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { GitError, GitRefusal, git, gitLine, type Repo, runGit } from './git.ts';

/** The old value of a reference that must not exist yet. */
export const NO_COMMIT = '0'.repeat(40);

export type Person = { readonly name: string; readonly email: string };

/** Who commits: always the server, whoever wrote the change. */
export const SERVER: Person = { name: 'Millwright', email: 'millwright@localhost' };

/** Checks that `text` is a full commit id in hexadecimal; throws `git.bad-id`. Guards every id that becomes an argument. */
export function commitId(text: string): string {
  if (/^[0-9a-f]{40}$/.test(text)) return text;
  throw new GitRefusal(
    'git.bad-id',
    'A commit is named by its full id: 40 hexadecimal digits in lower case.',
  );
}

/** The commit a reference points at, or undefined if there is no such reference. */
export async function readRef(repo: Repo, ref: string): Promise<string | undefined> {
  const args = ['rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`];
  const result = await runGit(repo, args);
  if (result.code === 1) return undefined;
  if (result.code !== 0) throw new GitError('rev-parse', result);
  return result.stdout.toString('utf8').trimEnd();
}

/** Whether `ancestor` is `commit` or in its history. */
export async function isAncestor(repo: Repo, ancestor: string, commit: string): Promise<boolean> {
  const args = ['merge-base', '--is-ancestor', commitId(ancestor), commitId(commit)];
  const result = await runGit(repo, args);
  if (result.code === 0 || result.code === 1) return result.code === 0;
  throw new GitError('merge-base', result);
}

/** The tree of a commit. */
export const treeOf = (repo: Repo, commit: string): Promise<string> =>
  gitLine(repo, ['rev-parse', '--verify', `${commitId(commit)}^{tree}`]);

/** The parents of a commit, first parent first. */
export async function parentsOf(repo: Repo, commit: string): Promise<string[]> {
  const line = await gitLine(repo, ['rev-list', '--parents', '-n', '1', commitId(commit)]);
  return line.split(' ').slice(1);
}

/** Writes a commit object, committed by the server. The same arguments give the same id. No reference moves. */
export function commitTree(
  repo: Repo,
  tree: string,
  parents: readonly string[],
  commit: { message: string; author?: Person; at: Date },
): Promise<string> {
  const author = commit.author ?? SERVER;
  const date = `${Math.floor(commit.at.getTime() / 1000)} +0000`;
  const env = {
    GIT_AUTHOR_NAME: author.name,
    GIT_AUTHOR_EMAIL: author.email,
    GIT_AUTHOR_DATE: date,
    GIT_COMMITTER_NAME: SERVER.name,
    GIT_COMMITTER_EMAIL: SERVER.email,
    GIT_COMMITTER_DATE: date,
  };
  const args = ['commit-tree', tree, ...parents.flatMap((parent) => ['-p', commitId(parent)]), '-F', '-'];
  return gitLine(repo, args, { input: commit.message, env });
}

/**
 * Moves a reference from `old` to `next` if it still is at `old` (`NO_COMMIT`: if it does not exist).
 * Returns false, and changes nothing, if somebody else was first.
 */
export async function compareAndSwap(repo: Repo, ref: string, next: string, old: string): Promise<boolean> {
  const result = await runGit(repo, ['update-ref', '--end-of-options', ref, commitId(next), commitId(old)]);
  if (result.code === 0) return true;
  if (((await readRef(repo, ref)) ?? NO_COMMIT) !== old) return false;
  throw new GitError('update-ref', result);
}

/** Runs `work` with the path of a new, empty folder, and removes the folder however `work` ends. */
export async function withScratch<T>(repo: Repo, work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(repo.scratch, 'git-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Every path in a commit's tree, folders left out. Bytes that are not UTF-8 become U+FFFD. */
export async function treePaths(repo: Repo, commit: string): Promise<string[]> {
  const output = await git(repo, ['ls-tree', '-r', '-z', '--name-only', '--full-tree', commitId(commit)]);
  return output.toString('utf8').split('\0').slice(0, -1);
}
