import { sql } from 'kysely';
import type { Row } from '../core/store/schema.ts';
import type { Db, Tx } from '../core/store/store.ts';

type NewLesson = Omit<Row<'lessons'>, 'id' | 'state' | 'superseded_by'>;

export const insertLesson = async (tx: Tx, lesson: NewLesson): Promise<number> =>
  (
    await tx
      .insertInto('lessons')
      .values({ ...lesson, state: 'active', superseded_by: null })
      .returning('id')
      .executeTakeFirstOrThrow()
  ).id;

export const supersede = (tx: Tx, id: number, by: number) =>
  tx.updateTable('lessons').set({ state: 'superseded', superseded_by: by }).where('id', '=', id).execute();

export const findLesson = (db: Db, id: number) =>
  db.selectFrom('lessons').selectAll().where('id', '=', id).executeTakeFirst();

/** Lessons, newest first. */
export function listLessons(db: Db, states: readonly Row<'lessons'>['state'][], limit: number) {
  return db
    .selectFrom('lessons')
    .selectAll()
    .where('state', 'in', states)
    .orderBy('id', 'desc')
    .limit(limit)
    .execute();
}

export const countOf = async (db: Db, agent: string, since: number): Promise<number> =>
  Number(
    (
      await db
        .selectFrom('lessons')
        .select((eb) => eb.fn.countAll<number>().as('count'))
        .where('agent', '=', agent)
        .where('origin', '=', 'agent')
        .where('created_at', '>', since)
        .executeTakeFirstOrThrow()
    ).count,
  );

export interface Counts {
  given: number;
  prevented: number;
  repeated: number;
}

/** How often each lesson was given, and what came of it. */
export async function countUses(db: Db): Promise<ReadonlyMap<number, Counts>> {
  const of = (outcome: string) => sql<number>`count(*) filter (where outcome = ${outcome})`;
  const rows = await db
    .selectFrom('lesson_uses')
    .select((eb) => [
      'lesson',
      eb.fn.countAll<number>().as('given'),
      of('prevented').as('prevented'),
      of('repeated').as('repeated'),
    ])
    .groupBy('lesson')
    .execute();
  return new Map(
    rows.map(({ lesson, given, prevented, repeated }) => [
      lesson,
      { given: Number(given), prevented: Number(prevented), repeated: Number(repeated) },
    ]),
  );
}

/** The uses of one lesson, newest first. */
export const usesOf = (db: Db, lesson: number) =>
  db
    .selectFrom('lesson_uses')
    .select(['task', 'matched_by', 'given_at', 'outcome', 'decided_at'])
    .where('lesson', '=', lesson)
    .orderBy('id', 'desc')
    .limit(50)
    .execute();

/** What of the store an id or digest stands for, as `gate:…`, `commit:…`; undefined when nothing has it. */
export async function evidenceFor(db: Db, given: string): Promise<string | undefined> {
  const artifact = /^A-([1-9]\d{0,12})$/.exec(given)?.[1];
  if (artifact) {
    const row = await db
      .selectFrom('artifacts')
      .select('id')
      .where('id', '=', Number(artifact))
      .executeTakeFirst();
    return row && `artifact:${given}`;
  }
  if (given.length === 40) {
    const row = await db
      .selectFrom('submissions')
      .select('id')
      .where((eb) => eb.or([eb('commit_id', '=', given), eb('merged_commit', '=', given)]))
      .limit(1)
      .executeTakeFirst();
    return row && `commit:${given}`;
  }
  for (const [kind, table] of [
    ['gate', 'gate_results'],
    ['verdict', 'verdicts'],
    ['review', 'reviews'],
  ] as const) {
    const row = await db
      .selectFrom(table)
      .select('id')
      .where('digest', '=', given)
      .limit(1)
      .executeTakeFirst();
    if (row) return `${kind}:${given}`;
  }
  return undefined;
}
