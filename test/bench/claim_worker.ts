import { append } from '../../servers/core/record.ts';
import { openStore } from '../../servers/core/store/store.ts';
import { claimTask } from '../../servers/tasks/claim_queries.ts';
import { type ClaimWork, claimInWindow } from './claim_window.ts';

const { file, session, ms } = JSON.parse(process.argv[2] ?? '') as ClaimWork;
const store = await openStore(file);

/** What `task_checkout` does to the store: the claim, and the record's entry, in one durable transaction. */
await claimInWindow(ms, () =>
  store.transaction(async (tx) => {
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
  }),
);
