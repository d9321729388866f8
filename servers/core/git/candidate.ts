import { mergeBase } from './changes.ts';
import { GitError, GitRefusal, type Repo, runGit } from './git.ts';
import { commitTree, isAncestor, type Person, parentsOf, treeOf } from './objects.ts';

/** Message, author and time of a commit that the server makes; the same ones give the same commit id. */
export type Landing = { message: string; author: Person; at: Date };

export type Candidate =
  /** Mainline has not moved since the branch began: the commit has the branch's very tree. */
  | { kind: 'fast-forward'; commit: string; tree: string }
  /** Mainline has moved: the commit has a tree nobody has tested yet. */
  | { kind: 'merged'; commit: string; tree: string }
  | { kind: 'conflict'; paths: string[] }
  /** Nothing would change. */
  | { kind: 'empty' };

type Merge = { tree: string } | { conflicts: string[] };

/** Merges two commits without a work tree, so that no file of theirs chooses how. */
async function mergeTrees(bare: Repo, ours: string, theirs: string): Promise<Merge> {
  const result = await runGit(bare, ['merge-tree', '--write-tree', '-z', '--name-only', ours, theirs]);
  const [tree = '', ...paths] = result.stdout.toString('utf8').split('\0');
  if (result.code === 0) return { tree };
  if (result.code === 1) return { conflicts: paths.slice(0, paths.indexOf('')) };
  throw new GitError('merge-tree', result);
}

async function land(bare: Repo, main: string, tree: string, landing: Landing): Promise<Candidate> {
  if (tree === (await treeOf(bare, main))) return { kind: 'empty' };
  return { kind: 'merged', commit: await commitTree(bare, tree, [main], landing), tree };
}

/**
 * Builds what would land: one commit on top of `main` that holds all of the branch, committed by the server.
 * Mainline does not move. Throws {@link GitRefusal} as `mergeBase` does.
 */
export async function candidate(bare: Repo, main: string, tip: string, landing: Landing): Promise<Candidate> {
  if ((await mergeBase(bare, main, tip)) === main) {
    const landed = await land(bare, main, await treeOf(bare, tip), landing);
    return landed.kind === 'merged' ? { ...landed, kind: 'fast-forward' } : landed;
  }
  const merge = await mergeTrees(bare, main, tip);
  if ('conflicts' in merge) return { kind: 'conflict', paths: merge.conflicts };
  return land(bare, main, merge.tree, landing);
}

/**
 * Builds the commit on top of `main` that takes back what `target` did; later changes stay.
 * Throws `git.not-landed` unless `target` is in mainline's history, `git.no-single-parent` for a merge or a first commit.
 */
export async function revertCommit(
  bare: Repo,
  main: string,
  target: string,
  landing: Landing,
): Promise<Candidate> {
  if (!(await isAncestor(bare, target, main))) {
    throw new GitRefusal('git.not-landed', 'The commit is not in the mainline.');
  }
  const [parent, ...others] = await parentsOf(bare, target);
  if (parent === undefined || others.length > 0) {
    throw new GitRefusal('git.no-single-parent', 'A first commit or a merge can not be reverted.');
  }
  // Three commits with `target` as the base make git 2.39 (no --merge-base) merge main with target's parent.
  const stage = (tree: string, parents: string[]) =>
    commitTree(bare, tree, parents, { message: 'revert', at: landing.at });
  const base = await stage(await treeOf(bare, target), []);
  const ours = await stage(await treeOf(bare, main), [base]);
  const theirs = await stage(await treeOf(bare, parent), [base]);
  const merge = await mergeTrees(bare, ours, theirs);
  if ('conflicts' in merge) return { kind: 'conflict', paths: merge.conflicts };
  return land(bare, main, merge.tree, landing);
}
