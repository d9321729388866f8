import { sql } from 'kysely';
import type { Session } from '../identity.ts';
import { prepared, unplanned } from '../store/prepared.ts';
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

const { integer, text } = unplanned;

async function lastEntry(db: Db, session: string): Promise<number | null> {
  const [row] = await newestEntry(db, { session });
  return row?.at ?? null;
}

const newestEntry = prepared<{ session: string }>()((db, value) =>
  db
    .selectFrom('memories')
    .select((eb) => eb.fn.max<number | null>('recorded_at').as('at'))
    .where('session', '=', text(value('session')))
    .where('origin', '=', sql.lit('agent')),
);

async function lastChange(db: Db, { session: { id, agent, root }, task }: Held): Promise<number | null> {
  const rows = await newestWritten(db, { session: id, agent, root, task: task.id });
  for (const subject of await subjects(db, task))
    rows.push(...(await newestAct(db, { session: id, subject })));
  const times = rows.flatMap(({ at }) => (at === null ? [] : [at]));
  return times.length === 0 ? null : Math.max(...times);
}

const newestWritten = prepared<{ session: string; agent: string; root: string; task: number }>()(
  (db, value) => {
    const owner = (table: 'verdicts' | 'plans') =>
      db
        .selectFrom(table)
        .select((eb) => eb.fn.max<number | null>('created_at').as('at'))
        .where('task', '=', integer(value('task')))
        .where('agent', '=', text(value('agent')))
        .where('root', '=', text(value('root')));
    const written = (table: 'artifacts' | 'submissions' | 'reviews') =>
      db
        .selectFrom(table)
        .select((eb) => eb.fn.max<number | null>('created_at').as('at'))
        .where('task', '=', integer(value('task')))
        .where('session', '=', text(value('session')));
    return written('artifacts')
      .unionAll(written('submissions'))
      .unionAll(written('reviews'))
      .unionAll(owner('verdicts'))
      .unionAll(owner('plans'));
  },
);

/** When the session last did something to a subject, as the record says. */
const newestAct = prepared<{ session: string; subject: string }>()((db, value) =>
  db
    .selectFrom('activity')
    .select((eb) => eb.fn.max<number | null>('at').as('at'))
    .where('subject', '=', text(value('subject')))
    .where('session', '=', text(value('session')))
    .where(
      'tool',
      'in',
      ACTS.map((tool) => sql.lit(tool)),
    )
    .where('event', 'in', [sql.lit('call'), sql.lit('outcome')]),
);

/** The task and what its pipeline made, as the record names them. */
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
