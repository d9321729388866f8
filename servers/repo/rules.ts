import { ToolError } from '../core/errors.ts';
import type { Factory } from '../core/factory/definition.ts';
import { type Change, changes, everyCommitChanges } from '../core/git/changes.ts';
import type { Repo } from '../core/git/git.ts';
import { isAncestor, parentsOf, treePaths } from '../core/git/objects.ts';
import { checkPaths, DEFAULT_PROTECTED } from '../core/git/paths.ts';

/** Whose rights a change is held against. */
export interface Author {
  /** Globs of what the author's role may write. */
  writes: readonly string[];
  /** Only for a person's own commits. */
  allowProtected: boolean;
}

/** A branch on its way in: its tip, and the commit that would land on `main`. */
export interface Proposal {
  main: string;
  tip: string;
  commit: string;
  /** Where the work began. If that is an earlier submission, it was held against its own author. */
  start?: string | undefined;
}

/**
 * Holds what would land, and each commit on the way to it, against the author's paths: something added and taken
 * away again counts. Returns what would land. Throws `FORBIDDEN` (`path.form`, `path.protected`, `path.write`).
 */
export async function checkProposal(
  bare: Repo,
  factory: Factory,
  author: Author,
  proposal: Proposal,
): Promise<Change[]> {
  const { main, tip, commit } = proposal;
  const net = await changes(bare, main, commit);
  const steps = await everyCommitChanges(bare, main, tip);
  const inherited = await inheritedChanges(bare, proposal);
  const rules = {
    ...author,
    protected: [...DEFAULT_PROTECTED, ...factory.protected],
    tree: await treePaths(bare, commit),
  };
  const lands = checkPaths(withoutLanded(net, inherited), rules);
  const passes = checkPaths(withoutOnce(steps, inherited), rules);
  const [worst] = [...lands, ...passes];
  if (worst) throw refused(lands.length > 0 ? lands : passes, lands.length === 0);
  return net;
}

/** What the one commit of an earlier, unmerged submission did that the branch goes on from. */
async function inheritedChanges(bare: Repo, { main, tip, start }: Proposal): Promise<Change[]> {
  if (!start || !(await isAncestor(bare, start, tip)) || (await isAncestor(bare, start, main))) return [];
  const [parent] = await parentsOf(bare, start);
  return parent === undefined ? [] : changes(bare, parent, start);
}

/** What of `net` is not exactly as the earlier submission left it. */
function withoutLanded(net: readonly Change[], inherited: readonly Change[]): Change[] {
  const left = new Set(inherited.map(({ path, newMode, newId }) => `${newMode} ${newId} ${path}`));
  return net.filter(({ path, newMode, newId }) => !left.has(`${newMode} ${newId} ${path}`));
}

/** `steps` without the changes of the one commit that is the earlier submission. */
function withoutOnce(steps: readonly Change[], inherited: readonly Change[]): Change[] {
  const left = new Set(inherited.map((change) => JSON.stringify(change)));
  return steps.filter((change) => !left.delete(JSON.stringify(change)));
}

function refused(problems: ReturnType<typeof checkPaths>, inHistory: boolean): ToolError {
  const shown = problems.slice(0, 5).map(({ path, why }) => `${JSON.stringify(path.slice(0, 120))} ${why}`);
  const more = problems.length > 5 ? `; and ${problems.length - 5} more` : '';
  const where = inHistory ? 'A commit on the way: ' : '';
  const remedy = inHistory
    ? 'In the workspace: `git reset --soft` to the base that workspace_open names, commit without it, call change_submit again.'
    : 'Take it out of the commit and call change_submit again; say in task_block what another role has to change.';
  return new ToolError('FORBIDDEN', `${where}${shown.join('; ')}${more}.`, remedy, {
    rule: problems[0]?.rule ?? 'path.form',
  });
}
