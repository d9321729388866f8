import { advanceMain } from '../../servers/core/git/advance.ts';
import { headOfMain } from '../../servers/core/git/authority.ts';
import { gitLine, type Repo } from '../../servers/core/git/git.ts';
import { commitTree } from '../../servers/core/git/objects.ts';

/** The next commit of mainline: another text of one file at its root. */
export async function nextCommit(
  bare: Repo,
  { path, content }: { path: string; content: string },
): Promise<string> {
  const head = await headOfMain(bare);
  const blob = await gitLine(bare, ['hash-object', '-w', '--stdin'], { input: content });
  const listed = await gitLine(bare, ['ls-tree', head]);
  const lines = listed
    .split('\n')
    .map((line) => (line.endsWith(`\t${path}`) ? `100644 blob ${blob}\t${path}` : line));
  const tree = await gitLine(bare, ['mktree'], { input: `${lines.join('\n')}\n` });
  const commit = await commitTree(bare, tree, [head], { message: `Another ${path}`, at: new Date() });
  await advanceMain(bare, head, commit);
  return commit;
}
