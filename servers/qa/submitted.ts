import { latestSubmission } from '../core/conditions.ts';
import { ToolError } from '../core/errors.ts';
import { type HeldTask, heldTask } from '../core/held.ts';
import { jobId } from '../core/ids.ts';
import type { Row } from '../core/store/schema.ts';
import type { Tx } from '../core/store/store.ts';
import type { Call } from '../core/tool.ts';

/** Well under the 45 s after which hosts give up. */
const WAIT_MS = 20_000;

/** The held task and the change that its pipeline is about. Throws CONFLICT when nothing was submitted. */
export async function submittedChange(
  call: Call,
  db: Tx | Call['db'],
): Promise<{ task: HeldTask; submission: Row<'submissions'> }> {
  const { session, now, about } = call;
  const task = await heldTask({ session, now, db, about });
  const submission = await latestSubmission(db, { pipeline: task.pipeline, task: task.id });
  if (submission) return { task, submission };
  throw new ToolError(
    'CONFLICT',
    'No change was submitted for your task or its pipeline.',
    'Say so with task_block; a change comes in with change_submit.',
    { rule: 'qa.no-submission' },
  );
}

/**
 * Has a job done on the submitted commit and waits for it as long as a host can. The same job is not started twice;
 * `more` adds what the job needs to know of the holding.
 */
export async function jobOnSubmission(
  call: Call,
  kind: string,
  more: (task: HeldTask) => Record<string, unknown> = () => ({}),
): Promise<Record<string, unknown>> {
  const { services, session, now } = call;
  const job = await call.transaction(async (tx) => {
    const { task, submission } = await submittedChange(call, tx);
    const input = { commit: submission.commit_id, ...more(task) };
    return services.jobs.enqueueOnce(tx, kind, input, session.id, now);
  });
  services.jobs.kick();
  const done = await services.jobs.wait(job, WAIT_MS, call.signal);
  if (!done) return { done: false, job: jobId(job) };
  if (done.ok) return done.result;
  throw new ToolError(
    'UPSTREAM',
    `${jobId(job)} failed in the server; nothing is known of the change.`,
    `Name ${jobId(job)} in task_block.`,
    { rule: 'qa.job-failed' },
  );
}

/** What a job needs to know of the holding to leave its report on the task. */
export const holdingOf =
  ({ session: { id: session, agent, root } }: Pick<Call, 'session'>) =>
  ({ id: task, pipeline, fence }: HeldTask) => ({ holding: { task, pipeline, fence, session, agent, root } });
