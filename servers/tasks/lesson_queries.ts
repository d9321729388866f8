import { prepared } from '../core/store/prepared.ts';
import type { Row } from '../core/store/schema.ts';
import type { Db, Tx } from '../core/store/store.ts';

type Use = Row<'lesson_uses'>;

/** Notes that lessons were put before an agent; a lesson counts once a task, from the first time on. */
export const insertUses = (tx: Tx, uses: readonly Omit<Use, 'id' | 'outcome' | 'decided_at'>[]) =>
  tx
    .insertInto('lesson_uses')
    .values(uses.map((use) => ({ ...use, outcome: null, decided_at: null })))
    .onConflict((at) => at.columns(['lesson', 'task']).doNothing())
    .execute();

/** The uses in a task whose outcome may still change: what prevented a failure once may yet be repeated. */
export const openUses = (db: Db, task: number) => usesOf(db, { task });

const usesOf = prepared<{ task: number }>()((db, value) =>
  db
    .selectFrom('lesson_uses')
    .selectAll()
    .where('task', '=', value('task'))
    .where((eb) => eb.or([eb('outcome', 'is', null), eb('outcome', '<>', 'repeated')])),
);

export const decideUse = (tx: Tx, id: number, outcome: Use['outcome'], now: number) =>
  tx.updateTable('lesson_uses').set({ outcome, decided_at: now }).where('id', '=', id).execute();

export const findLesson = (db: Db, id: number) =>
  db.selectFrom('lessons').selectAll().where('id', '=', id).executeTakeFirstOrThrow();

/** The uses of a lesson whose task has ended, newest first. */
export const decidedUses = (db: Db, lesson: number, limit: number) =>
  db
    .selectFrom('lesson_uses')
    .select(['task', 'matched_by', 'outcome'])
    .where('lesson', '=', lesson)
    .where('decided_at', 'is not', null)
    .orderBy('id', 'desc')
    .limit(limit)
    .execute();

/** Leaves the state `active` for good; false when somebody else was first. */
export async function leaveActive(tx: Tx, id: number, state: 'faded' | 'rewrite'): Promise<boolean> {
  const changed = await tx
    .updateTable('lessons')
    .set({ state })
    .where('id', '=', id)
    .where('state', '=', 'active')
    .returning('id')
    .executeTakeFirst();
  return changed !== undefined;
}

/** The files that a task's submission touched last, as the record has them. */
export async function submittedFiles(db: Db, task: number): Promise<string[]> {
  const row = await db
    .selectFrom('activity')
    .select('body')
    .where('subject', '=', `task:${task}`)
    .where('tool', '=', 'change_submit')
    .where('event', '=', 'outcome')
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst();
  const files: unknown = row?.body ? JSON.parse(row.body)?.output?.files : undefined;
  return Array.isArray(files) ? files.filter((file) => typeof file === 'string') : [];
}
