import { sql } from 'kysely';
import { takeLease } from '../core/leases.ts';
import { prepared } from '../core/store/prepared.ts';
import type { Row, TaskState } from '../core/store/schema.ts';
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
  await tx.updateTable('sessions').set({ task: null, fence: null }).where('id', '=', session).execute();
}

export const findTask = (db: Db, id: number) =>
  db.selectFrom('tasks').selectAll().where('id', '=', id).executeTakeFirst();

export const setState = (tx: Tx, id: number, state: TaskState) =>
  tx.updateTable('tasks').set({ state }).where('id', '=', id).execute();

export interface TaskFilter {
  state?: TaskState | undefined;
  role?: string | undefined;
  pipeline?: number | undefined;
  after: number;
  limit: number;
}

const FILTERS = ['state', 'role', 'pipeline'] as const;
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
        (query, name) => query.where(name, '=', value(name) as never),
        db
          .selectFrom('tasks')
          .select(['id', 'title', 'role', 'state', 'priority', 'pipeline', 'phase', 'round'])
          .where('id', '>', value('after')),
      )
      .orderBy('id')
      .limit(value('limit')),
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
    .where('state', 'in', ['waiting', 'ready', 'active', 'blocked'])
    .executeTakeFirstOrThrow();
  return Number(row.count);
}

/** The state of each of these tasks that exists. */
export async function taskStates(db: Db, ids: readonly number[]): Promise<Map<number, TaskState>> {
  if (ids.length === 0) return new Map();
  const found = await db.selectFrom('tasks').select(['id', 'state']).where('id', 'in', ids).execute();
  return new Map(found.map(({ id, state }) => [id, state]));
}

/** The newest artifact of each name, in a pipeline or on a single task. */
export async function latestArtifacts(
  db: Db,
  of: { pipeline: number | null; task: number },
  names: readonly string[],
) {
  if (names.length === 0) return [];
  const scope = of.pipeline === null ? (['task', of.task] as const) : (['pipeline', of.pipeline] as const);
  return db
    .selectFrom('artifacts')
    .selectAll()
    .where('id', 'in', (eb) =>
      eb
        .selectFrom('artifacts')
        .select((e) => e.fn.max<number>('id').as('id'))
        .where(scope[0], '=', scope[1])
        .where('name', 'in', names)
        .groupBy('name'),
    )
    .orderBy('id')
    .execute();
}

/** Artifacts handed to one task besides those its step names: the report that sent it back, for example. */
export const extraInputs = (db: Db, task: number) => inputsOf(db, { task });

const inputsOf = prepared<{ task: number }>()((db, value) =>
  db
    .selectFrom('task_inputs')
    .innerJoin('artifacts', 'artifacts.id', 'task_inputs.artifact')
    .selectAll('artifacts')
    .where('task_inputs.task', '=', value('task'))
    .orderBy('artifacts.id'),
);

export const pipelineTasks = (db: Db, pipeline: number) =>
  db.selectFrom('tasks').selectAll().where('pipeline', '=', pipeline).orderBy('id').execute();

export const findPipeline = (db: Db, id: number) =>
  db.selectFrom('pipelines').selectAll().where('id', '=', id).executeTakeFirst();

export const endPipeline = (tx: Tx, id: number, state: Row<'pipelines'>['state'], now: number) =>
  tx.updateTable('pipelines').set({ state, finished_at: now }).where('id', '=', id).execute();

export const taskArtifacts = (db: Db, task: number) =>
  db
    .selectFrom('artifacts')
    .select(['id', 'name', 'size', 'agent'])
    .where('task', '=', task)
    .orderBy('id')
    .limit(30)
    .execute();

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

export const liveSessions = (db: Db, now: number) =>
  db
    .selectFrom('sessions')
    .select(['agent', 'role', 'task', 'beat_at'])
    .where('ended_at', 'is', null)
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', now)
    .execute();

export const activityAfter = (db: Db, after: number, limit: number, subject?: string) => {
  let query = db
    .selectFrom('activity')
    .select(['seq', 'at', 'agent', 'role', 'event', 'tool', 'subject', 'rule', 'code', 'why'])
    .where('seq', '>', after);
  if (subject) query = query.where('subject', '=', subject);
  return query.orderBy('seq').limit(limit).execute();
};

export const insertPipeline = (
  tx: Tx,
  run: { name: string; request: string; definition: string; createdBy: string; now: number },
) =>
  tx
    .insertInto('pipelines')
    .values({
      name: run.name,
      request: run.request,
      definition: run.definition,
      state: 'running',
      created_by: run.createdBy,
      created_at: run.now,
      finished_at: null,
    })
    .returningAll()
    .executeTakeFirstOrThrow();

export const queuedSpawns = (db: Db) =>
  db.selectFrom('spawns').select(['agent']).where('state', '=', 'queued').execute();

export interface NewSpawn {
  role: string;
  agent: string;
  task: number | null;
  message: string;
  root: string;
  requestedBy: string;
  now: number;
}

export const insertSpawn = (tx: Tx, spawn: NewSpawn) =>
  tx
    .insertInto('spawns')
    .values({
      role: spawn.role,
      agent: spawn.agent,
      task: spawn.task,
      message: spawn.message,
      state: 'queued',
      root: spawn.root,
      requested_by: spawn.requestedBy,
      requested_at: spawn.now,
      taken_at: null,
    })
    .execute();
