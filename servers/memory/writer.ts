import { latestSubmission } from '../core/conditions.ts';
import type { Tx } from '../core/store/store.ts';
import type { Call } from '../core/tool.ts';
import type { Writer } from './keep.ts';
import { taskOf } from './queries.ts';

/** The caller as the author of an entry: its session, task and the commit it works on say where it comes from. */
export async function writerOf({ session, factory, now }: Call, tx: Tx): Promise<Writer> {
  const task = session.task === null ? undefined : await taskOf(tx, session.task);
  const submission = task && (await latestSubmission(tx, { pipeline: task.pipeline, task: task.id }));
  return {
    agent: session.agent,
    role: session.role,
    session: session.id,
    task: session.task,
    commit: submission?.commit_id ?? null,
    now,
    perDay: factory.memory.per_day,
  };
}
