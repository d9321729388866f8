import { sql } from 'kysely';
import { takeLease } from '../core/leases.ts';
import { prepared } from '../core/store/prepared.ts';
import type { Row } from '../core/store/schema.ts';
import { type Db, locksRows, type Tx } from '../core/store/store.ts';

export interface Claim {
  role: string;
  session: string;
  now: number;
  leaseEndsAt: number;
  /** Only this task; otherwise the first ready one by priority. */
  task?: number | undefined;
}

/**
 * Gives one ready task to one session, whoever else asks at the same moment: one statement picks and marks it,
 * then its lease gets a higher fence and the session row remembers both.
 */
export async function claimTask(
  tx: Tx,
  claim: Claim,
): Promise<(Row<'tasks'> & { fence: number }) | undefined> {
  const { role, task: wanted } = claim;
  const [task] = await (wanted === undefined ? markFirst(tx, { role }) : markWanted(tx, { role, wanted }));
  if (!task) return undefined;
  const fence = await takeLease(tx, 'task', task.id, claim.session, claim.leaseEndsAt);
  if (fence === undefined) throw new Error(`Task ${task.id} was ready although its lease is held.`);
  await hold(tx, { session: claim.session, task: task.id, fence });
  return { ...task, fence };
}

const markFirst = prepared<{ role: string }>()((db, value) => mark(db, readyTasks(db, value('role'))));

const markWanted = prepared<{ role: string; wanted: number }>()((db, value) =>
  mark(db, readyTasks(db, value('role')).where('t.id', '=', value('wanted'))),
);

const hold = prepared<{ session: string; task: number; fence: number }>()((db, value) =>
  db
    .updateTable('sessions')
    .set({ task: value('task'), fence: value('fence') })
    .where('id', '=', value('session')),
);

const readyTasks = (db: Db, role: string) =>
  db
    .selectFrom('tasks as t')
    .select('t.id')
    .where('t.state', '=', sql.lit('ready'))
    .where('t.role', '=', role)
    .orderBy('t.priority')
    .orderBy('t.id')
    .limit(sql.lit(1));

const mark = (db: Db, ready: ReturnType<typeof readyTasks>) =>
  db
    .updateTable('tasks')
    .set({ state: 'active' })
    .where('id', '=', locksRows(db) ? ready.forUpdate().skipLocked() : ready)
    .returningAll();

/** Tasks whose pause after a lost lease is over become ready again. */
export async function promoteWaiting(tx: Tx, now: number): Promise<void> {
  await promote(tx, { now });
}

const promote = prepared<{ now: number }>()((db, value) =>
  db
    .updateTable('tasks')
    .set({ state: 'ready' })
    .where('state', '=', sql.lit('waiting'))
    .where('deps_left', '=', sql.lit(0))
    .where('ready_at', '<=', value('now')),
);

/** A task this role could take now, counting those whose pause is over. */
export const readyTask = async (db: Db, role: string, now: number) =>
  (await db
    .selectFrom('tasks')
    .select(['id', 'state'])
    .where('role', '=', role)
    .where('state', '=', 'ready')
    .limit(1)
    .executeTakeFirst()) ??
  (await db
    .selectFrom('tasks')
    .select(['id', 'state'])
    .where('role', '=', role)
    .where('state', '=', 'waiting')
    .where('deps_left', '=', 0)
    .where('ready_at', '<=', now)
    .limit(1)
    .executeTakeFirst());
