import { ToolError } from '../core/errors.ts';
import { candidate } from '../core/git/candidate.ts';
import { changes } from '../core/git/changes.ts';
import type { Repo } from '../core/git/git.ts';
import { treePaths } from '../core/git/objects.ts';
import { checkPaths } from '../core/git/paths.ts';
import { submissionId } from '../core/ids.ts';
import type { Row } from '../core/store/schema.ts';
import type { Call } from '../core/tool.ts';
import { openNeeds } from './duties.ts';
import { stillHeld } from './held.ts';
import { judgeAgain } from './judge_again.ts';
import { authorOf, keepCandidate, messageOf } from './landing.ts';
import { insertSubmission, submissionOf } from './queries.ts';
import { mergeConflict, quoted } from './refusals.ts';

const BACK_TO_BUILD = 'Say so with task_complete, outcome "failed": it has to be built on the new mainline.';

/**
 * Mainline has moved since the change was judged: puts the same change on the new head, as a submission of the
 * same author, and has it judged again there. Returns the refusal that says what to wait for.
 */
export async function putOnNewHead(
  call: Call,
  bare: Repo,
  submission: Row<'submissions'>,
  head: string,
): Promise<ToolError> {
  const moved = await rebuilt(bare, submission, head);
  const { id, open, waits } = await call.transaction(async (tx) => {
    const task = await stillHeld(call, tx);
    const { id: _id, merged_commit: _commit, merged_at: _at, ...same } = submission;
    const row = { ...same, ...moved, created_at: call.now };
    const known = await submissionOf(tx, row.task, row.commit_id);
    const id = known?.id ?? (await insertSubmission(tx, row));
    const open = (await openNeeds(tx, call.factory, { ...submission, ...row, id })).map(({ name }) => name);
    return { id, open, waits: known ? [] : await judgeAgain(call, tx, { task, change: row, open }) };
  });
  call.services.jobs.kick();
  const wait = waits.length > 0 ? `Wait with task_wait for ${waits.join(', ')}` : 'Look with gate_status';
  return new ToolError(
    'GATE_CLOSED',
    `Mainline has moved. The change is now ${submissionId(id)}, commit ${moved.commit_id}; open on it: ${open.join(', ') || 'nothing'}.`,
    `${wait}, then call change_merge again.`,
    { rule: 'merge.moved' },
  );
}

/** The same arguments give the same commit, so a repeated call builds nothing new. */
async function rebuilt(bare: Repo, submission: Row<'submissions'>, head: string) {
  const built = await candidate(bare, head, submission.commit_id, {
    message: await messageOf(bare, submission.commit_id),
    author: authorOf(submission.agent),
    at: new Date(submission.created_at),
  });
  if (built.kind === 'conflict') throw mergeConflict(built.paths, BACK_TO_BUILD);
  if (built.kind === 'empty') {
    throw new ToolError('CONFLICT', 'Mainline holds all of this change already.', BACK_TO_BUILD, {
      rule: 'change.empty',
    });
  }
  const changed = await changes(bare, head, built.commit);
  // Two changes that are fine alone can bring names that differ in case only.
  const form = { writes: ['**'], protected: [], allowProtected: true };
  const clashes = checkPaths(changed, { ...form, tree: await treePaths(bare, built.commit) });
  if (clashes.length > 0) {
    const paths = quoted(clashes.map(({ path }) => path));
    throw new ToolError('FORBIDDEN', `On the new mainline ${paths} clashes with a name.`, BACK_TO_BUILD, {
      rule: 'path.form',
    });
  }
  return keepCandidate(bare, built, head, changed);
}
