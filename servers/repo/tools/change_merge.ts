import * as z from 'zod';
import { latestSubmission } from '../../core/conditions.ts';
import { ToolError } from '../../core/errors.ts';
import { advanceMain } from '../../core/git/advance.ts';
import { headOfMain } from '../../core/git/authority.ts';
import { isAncestor } from '../../core/git/objects.ts';
import { type HeldTask, heldTask } from '../../core/held.ts';
import { idInput, pipelineId, submissionId, taskId } from '../../core/ids.ts';
import { refuseIfStopped } from '../../core/kill.ts';
import type { Row } from '../../core/store/schema.ts';
import { type Call, defineTool } from '../../core/tool.ts';
import { openNeeds, refuseOwnMerge } from '../duties.ts';
import { stillHeld } from '../held.ts';
import { openMainline } from '../mainline.ts';
import { putOnNewHead } from '../moved.ts';
import { findPipeline, findSubmission, markMerged } from '../queries.ts';
import { refusingOnMainline } from '../refusals.ts';

export default defineTool({
  name: 'change_merge',
  needs: 'change:merge',
  effect: 'write',
  outside: true,
  description:
    "Merge the change of your task's pipeline, or the submission you name, once every gate is closed on it; where mainline moved, it is judged again first.",
  input: z.strictObject({ submission: idInput('S').optional() }),
  output: z.object({ submission: z.string(), commit: z.string(), mainline: z.string() }),

  async handler({ submission: wanted }, call) {
    const { services, db } = call;
    const task = await heldTask(call);
    await refuseIfStopped(db, call.session.role);
    const submission = await chosen(call, task, wanted);
    await refuseOwnMerge(db, call.session, submission);
    const bare = await openMainline(services);
    const head = await headOfMain(bare);
    const { id, commit_id: commit } = submission;
    // Landed, and the process ended before the row said so: only the record is left to write.
    if (!(await isAncestor(bare, commit, head))) {
      await refuseOpenGates(call, submission);
      if (head !== submission.base_commit)
        throw await refusingOnMainline(() => putOnNewHead(call, bare, submission, head));
      await call.transaction((tx) => stillHeld(call, tx));
      if (!(await advanceMain(bare, head, commit))) throw mainlineBusy();
    }
    await call.transaction((tx) => markMerged(tx, id, commit, call.now));
    return { submission: submissionId(id), commit, mainline: await headOfMain(bare) };
  },
});

/** The newest submission of the change; an older one is no longer what anybody judges. */
async function chosen({ db }: Call, task: HeldTask, wanted: number | undefined): Promise<Row<'submissions'>> {
  const named = wanted === undefined ? undefined : await findSubmission(db, wanted);
  if (wanted !== undefined && !named) {
    throw new ToolError(
      'NOT_FOUND',
      `No submission ${submissionId(wanted)}.`,
      'Call gate_status for the one to merge.',
    );
  }
  const newest = await latestSubmission(db, named ?? { pipeline: task.pipeline, task: task.id });
  if (!newest) {
    throw new ToolError(
      'NOT_FOUND',
      `Nothing was submitted for ${taskId(task.id)}.`,
      'Name a submission, or wait for one with task_wait.',
    );
  }
  if (named && named.id !== newest.id) {
    throw new ToolError(
      'CONFLICT',
      `${submissionId(named.id)} was replaced by ${submissionId(newest.id)}.`,
      `Call change_merge with ${submissionId(newest.id)}.`,
      {
        rule: 'merge.replaced',
      },
    );
  }
  return newest;
}

async function refuseOpenGates(call: Call, submission: Row<'submissions'>): Promise<void> {
  const run = submission.pipeline === null ? undefined : await findPipeline(call.db, submission.pipeline);
  if (run && run.state !== 'running') {
    throw new ToolError(
      'CONFLICT',
      `${pipelineId(run.id)} is ${run.state}.`,
      'Leave its change unmerged and say so with task_complete, outcome "failed".',
      {
        rule: 'merge.pipeline-ended',
      },
    );
  }
  const open = await openNeeds(call.db, call.factory, submission);
  if (open.length === 0) return;
  throw new ToolError(
    'GATE_CLOSED',
    `${submissionId(submission.id)} can't be merged: ${open.map(({ name, why }) => `${name} (${why})`).join('; ')}.`,
    'Wait for those whose work it is with task_wait; gate_status shows what is open.',
    { rule: 'merge.open-gate' },
  );
}

const mainlineBusy = () =>
  new ToolError('CONFLICT', 'Another change was merged at this moment.', 'Call change_merge again.', {
    rule: 'merge.raced',
  });
