import { append } from '../../servers/core/record.ts';
import type { Store } from '../../servers/core/store/store.ts';
import { claimTask } from '../../servers/tasks/claim_queries.ts';

/** What `task_checkout` does to the store: the claim, and the record's entry, in one durable transaction. */
export function claimOnce(store: Store, session: string): Promise<boolean> {
  return store.transaction(async (tx) => {
    const now = Date.now();
    const task = await claimTask(tx, { role: 'developer', session, now, leaseEndsAt: now + 180_000 });
    if (!task) return false;
    await append(store, tx, {
      at: now,
      session,
      agent: 'developer',
      role: 'developer',
      event: 'call',
      tool: 'task_checkout',
      subject: `task:${task.id}`,
      body: { input: {}, output: { task: task.id, title: task.title } },
    });
    return true;
  });
}
