import type { Db } from '../servers/core/store/store.ts';

/** Entries of the record after `seq`, oldest first. */
export const entriesAfter = (db: Db, seq: number, limit: number) =>
  db
    .selectFrom('activity')
    .select([
      'seq',
      'at',
      'session',
      'agent',
      'role',
      'event',
      'tool',
      'subject',
      'rule',
      'code',
      'why',
      'hash',
    ])
    .where('seq', '>', seq)
    .orderBy('seq')
    .limit(limit)
    .execute();

export const lastEntry = (db: Db) =>
  db.selectFrom('activity').select(['seq', 'hash']).orderBy('seq', 'desc').limit(1).executeTakeFirst();

/** How many signatures over a commit of a person's own were taken. */
export async function adoptionsOf(db: Db, commit: string): Promise<number> {
  const row = await db
    .selectFrom('activity')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('event', '=', 'adopt.signed')
    .where('subject', '=', `commit:${commit}`)
    .executeTakeFirstOrThrow();
  return Number(row.count);
}

/** The commits that submissions became in the mainline. */
export const mergedCommits = async (db: Db): Promise<string[]> => {
  const rows = await db
    .selectFrom('submissions')
    .select('merged_commit as id')
    .distinct()
    .where('merged_commit', 'is not', null)
    .execute();
  return rows.flatMap(({ id }) => id ?? []);
};

/** The number of the newest entry of the record; 0 where there is none. */
export const lastActivity = async (db: Db): Promise<number> => (await lastEntry(db))?.seq ?? 0;
