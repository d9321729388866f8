import { sql } from 'kysely';
import { takeLease } from '../core/leases.ts';
import { prepared, unplanned } from '../core/store/prepared.ts';
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
  const { role, now, task: wanted } = claim;
  const [task] = await (wanted === undefined
    ? markFirst(tx, { role, now })
    : markWanted(tx, { role, now, wanted }));
  if (!task) return undefined;
  const fence = await takeLease(tx, 'task', task.id, claim.session, claim.leaseEndsAt);
  if (fence === undefined) throw new Error(`Task ${task.id} was ready although its lease is held.`);
  await hold(tx, { session: claim.session, task: task.id, fence });
  return { ...task, fence };
}

const markFirst = prepared<{ role: string; now: number }>()((db, value) =>
  mark(db, readyTasks(db, value('role')), value('now')),
);

const markWanted = prepared<{ role: string; now: number; wanted: number }>()((db, value) =>
  mark(db, readyTasks(db, value('role')).where('t.id', '=', value('wanted')), value('now')),
);

const hold = prepared<{ session: string; task: number; fence: number }>()((db, value) =>
  db
    .updateTable('sessions')
    .set({ task: value('task'), fence: value('fence') })
    .where('id', '=', value('session')),
);

/**
 * The task and fence in a session's row as of now; the call itself began with what was there before its
 * transaction. Locks the row, so that two calls of one session take turns.
 */
export async function holdingOf(tx: Tx, session: string) {
  const [row] = await holding(tx, { session });
  return row ?? { task: null, fence: null };
}

const holding = prepared<{ session: string }>()((db, value) => {
  const query = db.selectFrom('sessions').select(['task', 'fence']).where('id', '=', value('session'));
  return locksRows(db) ? query.forUpdate() : query;
});

const readyTasks = (db: Db, role: string) =>
  db
    .selectFrom('tasks as t')
    .select('t.id')
    .where('t.state', '=', sql.lit('ready'))
    .where('t.role', '=', unplanned.text(role))
    .orderBy('t.priority')
    .orderBy('t.id')
    .limit(sql.lit(1));

const mark = (db: Db, ready: ReturnType<typeof readyTasks>, now: number) =>
  db
    .updateTable('tasks')
    .set({ state: 'active', started_at: sql`coalesce(tasks.started_at, ${now})` })
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

interface Takeable {
  id: number;
  role: string;
  state: Row<'tasks'>['state'];
  priority: number;
}

/** Tasks these roles could take now, most urgent first, at most `limit` of a role; then, as `waiting`, those whose pause is over. */
export async function takeableTasks(
  db: Db,
  roles: readonly string[],
  now: number,
  limit: number,
): Promise<Takeable[]> {
  const look = looks.get(roles.length) ?? lookFor(roles.length);
  looks.set(roles.length, look);
  const found = await look(db, { ...roles, now, limit });
  const rank = ({ state, priority }: Takeable) => (state === 'ready' ? priority : Number.POSITIVE_INFINITY);
  return found.sort((a, b) => rank(a) - rank(b) || a.id - b.id);
}

const looks = new Map<number, ReturnType<typeof lookFor>>();

/** One query for so many roles: the index gives the first tasks of each. */
const lookFor = (count: number) =>
  prepared<{ [role: number]: string; now: number; limit: number }>()((db, value) => {
    const roles = Array.from({ length: count }, (_, n) => unplanned.text(value(n) as string));
    const tasks = db.selectFrom('tasks').select(['id', 'role', 'state', 'priority']);
    const limit = unplanned.integer(value('limit'));
    const parts = roles.map((role) =>
      tasks
        .where('state', '=', sql.lit('ready'))
        .where('role', '=', role)
        .orderBy('priority')
        .orderBy('id')
        .limit(limit),
    );
    const paused = tasks
      .where('state', '=', sql.lit('waiting'))
      .where('deps_left', '=', sql.lit(0))
      .where('ready_at', '<=', value('now'))
      .where('role', 'in', roles)
      .limit(limit);
    return parts.reduce(
      (all, part) => all.unionAll(db.selectFrom(part.as('ready')).selectAll()),
      db.selectFrom(paused.as('paused')).selectAll(),
    );
  });
