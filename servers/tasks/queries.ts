import { sql } from 'kysely';
import { prepared, unplanned } from '../core/store/prepared.ts';
import type { TaskState } from '../core/store/schema.ts';
import { type Db, locksRows, type Tx } from '../core/store/store.ts';

export interface NewTask {
  title: string;
  description: string;
  criteria: readonly string[];
  stops: readonly string[];
  role: string;
  priority: number;
  needs: readonly number[];
  createdBy: string;
  now: number;
  pipeline?: number;
  phase?: string;
  step?: string;
  round?: number;
}

/** Adds a task; it is ready at once unless it needs tasks that are not done yet. */
export async function insertTask(tx: Tx, task: NewTask): Promise<number> {
  const open = task.needs.length === 0 ? 0 : await countOpen(tx, task.needs);
  const { id } = await tx
    .insertInto('tasks')
    .values({
      title: task.title,
      description: task.description,
      criteria: JSON.stringify(task.criteria),
      stops: JSON.stringify(task.stops),
      role: task.role,
      priority: task.priority,
      state: open === 0 ? 'ready' : 'waiting',
      deps_left: open,
      lapses: 0,
      ready_at: task.now,
      pipeline: task.pipeline ?? null,
      phase: task.phase ?? null,
      step: task.step ?? null,
      round: task.round ?? 1,
      workspace: null,
      outcome: null,
      created_by: task.createdBy,
      created_at: task.now,
      finished_at: null,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  if (task.needs.length > 0) {
    await tx
      .insertInto('task_links')
      .values(task.needs.map((needs) => ({ task: id, needs })))
      .execute();
  }
  return id;
}

/** On PostgreSQL the rows are locked: a task that ends meanwhile would not yet see who waits for it. */
async function countOpen(tx: Tx, ids: readonly number[]): Promise<number> {
  let needed = tx.selectFrom('tasks').select('state').where('id', 'in', ids).orderBy('id');
  if (locksRows(tx)) needed = needed.forShare();
  return (await needed.execute()).filter(({ state }) => state !== 'done').length;
}

/** Ends a task; a done one lets the tasks that waited only for it become ready. */
export async function finishTask(
  tx: Tx,
  id: number,
  state: Extract<TaskState, 'done' | 'blocked' | 'cancelled'>,
  outcome: string,
  now: number,
): Promise<void> {
  await tx.updateTable('tasks').set({ state, outcome, finished_at: now }).where('id', '=', id).execute();
  if (state !== 'done') return;
  const dependents = tx.selectFrom('task_links').select('task').where('needs', '=', id);
  await tx
    .updateTable('tasks')
    .set((eb) => ({ deps_left: eb('deps_left', '-', 1) }))
    .where('id', 'in', dependents)
    .execute();
  await tx
    .updateTable('tasks')
    .set({ state: 'ready' })
    .where('id', 'in', dependents)
    .where('state', '=', 'waiting')
    .where('deps_left', '=', 0)
    .execute();
}

/** A session stops holding its task. */
export async function forgetTask(tx: Tx, session: string): Promise<void> {
  await letGo(tx, { session });
}

const letGo = prepared<{ session: string }>()((db, value) =>
  db
    .updateTable('sessions')
    .set({ task: sql.lit(null), fence: sql.lit(null) })
    .where('id', '=', value('session')),
);

export const setState = (tx: Tx, id: number, state: TaskState) => stated(tx, { id, state });

const stated = prepared<{ id: number; state: TaskState }>()((db, value) =>
  db
    .updateTable('tasks')
    .set({ state: value('state') })
    .where('id', '=', value('id')),
);

export interface TaskFilter {
  state?: TaskState | undefined;
  role?: string | undefined;
  pipeline?: number | undefined;
  after: number;
  limit: number;
}

const FILTERS = ['state', 'role', 'pipeline'] as const;
const unplannedBy = { state: unplanned.text, role: unplanned.text, pipeline: unplanned.integer };
const listings = new Map<string, ReturnType<typeof listingBy>>();

export function listTasks(db: Db, filter: TaskFilter) {
  const given = FILTERS.filter((name) => filter[name] !== undefined);
  const list = listings.get(given.join()) ?? listingBy(given);
  listings.set(given.join(), list);
  return list(db, filter as Required<TaskFilter>);
}

const listingBy = (given: readonly (typeof FILTERS)[number][]) =>
  prepared<Required<TaskFilter>>()((db, value) =>
    given
      .reduce(
        (query, name) => query.where(name, '=', unplannedBy[name](value(name) as never) as never),
        db
          .selectFrom('tasks')
          .select(['id', 'title', 'role', 'state', 'priority', 'pipeline', 'phase', 'round'])
          .where('id', '>', value('after')),
      )
      .orderBy('id')
      .limit(unplanned.integer(value('limit'))),
  );

/** Who holds a task now, if anybody. */
export const holderOf = (db: Db, task: number) =>
  db
    .selectFrom('leases')
    .innerJoin('sessions', 'sessions.id', 'leases.holder')
    .select(['sessions.agent', 'leases.ends_at'])
    .where('leases.kind', '=', 'task')
    .where('leases.subject', '=', task)
    .executeTakeFirst();

export async function countUnfinished(db: Db): Promise<number> {
  const row = await db
    .selectFrom('tasks')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where(sql<boolean>`state in ('waiting', 'ready', 'active', 'blocked')`)
    .executeTakeFirstOrThrow();
  return Number(row.count);
}

/** The state of each of these tasks that exists. */
export async function taskStates(db: Db, ids: readonly number[]): Promise<Map<number, TaskState>> {
  if (ids.length === 0) return new Map();
  const found = await db.selectFrom('tasks').select(['id', 'state']).where('id', 'in', ids).execute();
  return new Map(found.map(({ id, state }) => [id, state]));
}
