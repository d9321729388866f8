import { ToolError } from './errors.ts';
import { taskId } from './ids.ts';
import { isHeld, leaseLost } from './leases.ts';
import { prepared } from './store/prepared.ts';
import type { Row } from './store/schema.ts';
import type { Db } from './store/store.ts';
import type { Call } from './tool.ts';

/** The task a session holds, with the fence it holds it under. */
export type HeldTask = Row<'tasks'> & { fence: number };

/**
 * The task that the calling session holds now, checked against the lease in the call's own transaction.
 * Throws `CONFLICT` when it holds none and `LEASE_LOST` when its lease has ended; nothing may be written then.
 */
export async function heldTask(call: Pick<Call, 'session' | 'now' | 'db' | 'about'>): Promise<HeldTask> {
  const { session, now, db } = call;
  if (session.task === null || session.fence === null) {
    throw new ToolError('CONFLICT', 'You hold no task.', 'Call task_checkout first.', {
      rule: 'task.not-held',
    });
  }
  call.about(`task:${session.task}`);
  const lease = { kind: 'task' as const, subject: session.task, holder: session.id, fence: session.fence };
  if (!(await isHeld(db, lease, now))) throw leaseLost(taskId(session.task));
  const task = await findTask(db, session.task);
  if (!task) throw new Error(`A lease is held on ${taskId(session.task)}, which is not there.`);
  return { ...task, fence: session.fence };
}

/** The row of a task; undefined when there is none. */
export async function findTask(db: Db, id: number): Promise<Row<'tasks'> | undefined> {
  const [task] = await taskBy(db, { id });
  return task;
}

const taskBy = prepared<{ id: number }>()((db, value) =>
  db.selectFrom('tasks').selectAll().where('id', '=', value('id')),
);
