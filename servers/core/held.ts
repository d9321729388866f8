import { ToolError } from './errors.ts';
import { taskId } from './ids.ts';
import { isHeld, leaseLost } from './leases.ts';
import type { Row } from './store/schema.ts';
import type { Call } from './tool.ts';

/** The task a session holds, with the fence it holds it under. */
export type HeldTask = Row<'tasks'> & { fence: number };

/**
 * The task that the calling session holds now, checked against the lease in the call's own transaction.
 * Throws `CONFLICT` when it holds none and `LEASE_LOST` when its lease has ended; nothing may be written then.
 */
export async function heldTask(
  call: Pick<Call, 'session' | 'services' | 'now' | 'db' | 'about'>,
): Promise<HeldTask> {
  const { session, services, now, db } = call;
  if (session.task === null || session.fence === null) {
    throw new ToolError('CONFLICT', 'You hold no task.', 'Call task_checkout first.', {
      rule: 'task.not-held',
    });
  }
  call.about(`task:${session.task}`);
  const lease = { kind: 'task' as const, subject: session.task, holder: session.id, fence: session.fence };
  if (!(await isHeld(db, services.store.dialect, lease, now))) throw leaseLost(taskId(session.task));
  const task = await db
    .selectFrom('tasks')
    .selectAll()
    .where('id', '=', session.task)
    .executeTakeFirstOrThrow();
  return { ...task, fence: session.fence };
}
