import * as z from 'zod';
import { ToolError } from '../../core/errors.ts';
import { findTask } from '../../core/held.ts';
import { checkpointId, idInput, jobId, taskId } from '../../core/ids.ts';
import { finishedJob } from '../../core/job_store.ts';
import { type Call, defineTool } from '../../core/tool.ts';
import { workFor } from '../waiting.ts';

export default defineTool({
  name: 'task_wait',
  needs: 'task:read',
  effect: 'read',
  description:
    'Wait for a task to end, a job to finish or the human to decide; without an id, for work of your role. After the seconds it answers still_waiting: call again.',
  input: z.strictObject({
    task: idInput('T').optional(),
    job: idInput('J').optional(),
    checkpoint: idInput('C').optional(),
    seconds: z.int().min(1).max(40).default(30),
  }),
  output: z.object({
    still_waiting: z.boolean(),
    about: z.string(),
    state: z.string(),
    result: z.record(z.string(), z.unknown()).optional(),
  }),

  async handler({ task, job, checkpoint, seconds }, call) {
    const look = task
      ? () => lookAtTask(call, task)
      : job
        ? () => lookAtJob(call, job)
        : checkpoint && (() => lookAtCheckpoint(call, checkpoint));
    if (!look) return waitForWork(call, seconds);
    const until = performance.now() + seconds * 1000;
    for (;;) {
      const seen = await look();
      const left = until - performance.now();
      if (seen.ended || left <= 0 || call.signal.aborted) {
        return {
          still_waiting: !seen.ended,
          about: seen.about,
          state: seen.state,
          ...(seen.result && { result: seen.result }),
        };
      }
      await call.services.store.changed(left, call.signal);
    }
  },
});

interface Seen {
  about: string;
  state: string;
  ended: boolean;
  result?: Record<string, unknown>;
}

async function lookAtTask({ db }: Call, id: number): Promise<Seen> {
  const task = await findTask(db, id);
  if (!task)
    throw new ToolError('NOT_FOUND', `No task ${taskId(id)}.`, 'Call task_list for the ids that exist.');
  return {
    about: taskId(id),
    state: task.state,
    ended: ['done', 'blocked', 'cancelled'].includes(task.state),
  };
}

async function lookAtJob({ db }: Call, id: number): Promise<Seen> {
  const done = await finishedJob(db, id);
  if (done) return { about: jobId(id), state: done.ok ? 'done' : 'failed', ended: true, result: done.result };
  const job = await db.selectFrom('jobs').select('state').where('id', '=', id).executeTakeFirst();
  if (!job)
    throw new ToolError(
      'NOT_FOUND',
      `No job ${jobId(id)}.`,
      'Use the id that the tool which started it gave you.',
    );
  return { about: jobId(id), state: job.state, ended: false };
}

async function lookAtCheckpoint({ db, services }: Call, id: number): Promise<Seen> {
  const row = await db
    .selectFrom('checkpoints')
    .select(['state', 'expires_at'])
    .where('id', '=', id)
    .executeTakeFirst();
  if (!row)
    throw new ToolError(
      'NOT_FOUND',
      `No checkpoint ${checkpointId(id)}.`,
      'Use the id that the request for it was given, or wait for its task instead.',
    );
  const expired = row.state === 'open' && row.expires_at <= services.clock.now();
  return {
    about: checkpointId(id),
    state: expired ? 'expired' : row.state,
    ended: expired || row.state !== 'open',
  };
}

async function waitForWork({ session, services, signal }: Call, seconds: number) {
  const ready = await workFor(services, session.role, seconds * 1000, signal);
  return ready === undefined
    ? { still_waiting: true, about: session.role, state: 'none ready' }
    : { still_waiting: false, about: taskId(ready), state: 'ready' };
}
