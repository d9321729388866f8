import type { Session } from '../identity.ts';
import type { Db } from '../store/store.ts';

/** Tools that change the state of the world and leave no row with the session in a table of their own. */
const ACTS = [
  'change_merge',
  'change_revert',
  'infra_apply',
  'release_cut',
  'release_advance',
  'release_verify',
  'release_rollback',
];

interface Held {
  session: Pick<Session, 'id' | 'agent' | 'root'>;
  task: { id: number; pipeline: number | null };
}

/**
 * Whether a session wrote memory since it last changed something in the task it holds. `changedAt` is its newest
 * artifact, submission, review, verdict, plan, merge, applied plan or release of that task; `rememberedAt` its newest
 * entry. Both are milliseconds since 1970, null when there is none. A task it changed nothing in asks for nothing.
 */
export async function memoryIsFresh(
  db: Db,
  held: Held,
): Promise<{ fresh: boolean; changedAt: number | null; rememberedAt: number | null }> {
  const changedAt = await lastChange(db, held);
  const rememberedAt = await lastEntry(db, held.session.id);
  const fresh = changedAt === null || (rememberedAt !== null && rememberedAt >= changedAt);
  return { fresh, changedAt, rememberedAt };
}

async function lastEntry(db: Db, session: string): Promise<number | null> {
  const row = await db
    .selectFrom('memories')
    .select((eb) => eb.fn.max<number | null>('recorded_at').as('at'))
    .where('session', '=', session)
    .where('origin', '=', 'agent')
    .executeTakeFirst();
  return row?.at ?? null;
}

async function lastChange(db: Db, { session, task }: Held): Promise<number | null> {
  const owner = (table: 'verdicts' | 'plans') =>
    db
      .selectFrom(table)
      .select((eb) => eb.fn.max<number | null>('created_at').as('at'))
      .where('task', '=', task.id)
      .where('agent', '=', session.agent)
      .where('root', '=', session.root);
  const written = (table: 'artifacts' | 'submissions' | 'reviews') =>
    db
      .selectFrom(table)
      .select((eb) => eb.fn.max<number | null>('created_at').as('at'))
      .where('task', '=', task.id)
      .where('session', '=', session.id);
  const rows = await written('artifacts')
    .unionAll(written('submissions'))
    .unionAll(written('reviews'))
    .unionAll(owner('verdicts'))
    .unionAll(owner('plans'))
    .unionAll(acts(db, session.id, await subjects(db, task)))
    .execute();
  const times = rows.flatMap(({ at }) => (at === null ? [] : [at]));
  return times.length === 0 ? null : Math.max(...times);
}

/** What the record says that this session did to the task and to what its pipeline made. */
const acts = (db: Db, session: string, subjects: readonly string[]) =>
  db
    .selectFrom('activity')
    .select((eb) => eb.fn.max<number | null>('at').as('at'))
    .where('subject', 'in', subjects)
    .where('session', '=', session)
    .where('tool', 'in', ACTS)
    .where('event', 'in', ['call', 'outcome']);

async function subjects(db: Db, task: Held['task']): Promise<string[]> {
  const own = [`task:${task.id}`];
  if (task.pipeline === null) return own;
  const of = (table: 'plans' | 'releases') =>
    db.selectFrom(table).select('id').where('pipeline', '=', task.pipeline).execute();
  const [plans, releases] = [await of('plans'), await of('releases')];
  return [
    ...own,
    `pipeline:${task.pipeline}`,
    ...plans.map(({ id }) => `plan:${id}`),
    ...releases.map(({ id }) => `release:${id}`),
  ];
}
