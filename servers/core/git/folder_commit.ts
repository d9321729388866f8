import { git, gitLine, type Repo } from './git.ts';
import { commitId, commitTree, compareAndSwap, NO_COMMIT, parentsOf } from './objects.ts';

/**
 * A commit of the server's whose tree is one folder of `commit`, so that a product in a subfolder is gated and built as
 * if it were a repository; its parent has the folder as it was before it last changed. The same folder of the same
 * commit gives the same id. Undefined when the commit has no such folder.
 */
export async function folderCommit(bare: Repo, commit: string, folder: string): Promise<string | undefined> {
  const tree = await treeIn(bare, commit, folder);
  if (tree === undefined) return undefined;
  const at = new Date(1000 * Number(await gitLine(bare, ['show', '-s', '--format=%ct', commitId(commit)])));
  const env = { GIT_LITERAL_PATHSPECS: '1' };
  const changed = await gitLine(bare, ['log', '-1', '--format=%H', commitId(commit), '--', folder], { env });
  const before = await parentsOf(bare, commitId(changed));
  const parents = await Promise.all(
    before.slice(0, 1).map(async (parent) => {
      const old = (await treeIn(bare, parent, folder)) ?? (await gitLine(bare, ['mktree'], { input: '' }));
      return commitTree(bare, old, [], { message: `${folder} of ${parent}`, at });
    }),
  );
  const id = await commitTree(bare, tree, parents, { message: `${folder} of ${commit}`, at });
  await compareAndSwap(bare, `refs/adopt/${id}`, id, NO_COMMIT);
  return id;
}

async function treeIn(bare: Repo, commit: string, folder: string): Promise<string | undefined> {
  const entry = await git(bare, ['ls-tree', '-z', '-d', '--full-tree', commitId(commit), '--', folder], {
    env: { GIT_LITERAL_PATHSPECS: '1' },
  });
  return /^040000 tree ([0-9a-f]{40})\t/.exec(entry.toString())?.[1];
}
