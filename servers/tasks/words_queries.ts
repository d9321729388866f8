import { prepared, unplanned } from '../core/store/prepared.ts';
import type { Row } from '../core/store/schema.ts';
import type { Db, Tx } from '../core/store/store.ts';

/** The version of a role's words that is on trial; there is one at a time, or their effects would mix. */
export const trialOf = async (db: Db, role: string): Promise<Row<'role_words'> | undefined> =>
  (await trials(db, { role }))[0];

const trials = prepared<{ role: string }>()((db, value) =>
  db
    .selectFrom('role_words')
    .selectAll()
    .where('role', '=', unplanned.text(value('role')))
    .where('state', '=', 'trial'),
);

export const insertTrial = (tx: Tx, words: Omit<Row<'role_words'>, 'id' | 'state' | 'after' | 'until_at'>) =>
  tx
    .insertInto('role_words')
    .values({ ...words, state: 'trial', after: null, until_at: null })
    .returning('id')
    .executeTakeFirstOrThrow();

/** Ends a trial; false when another process has ended it. */
export async function endTrial(
  tx: Tx,
  id: number,
  ended: { state: 'kept' | 'rolled-back'; after: string; now: number },
): Promise<boolean> {
  const row = await tx
    .updateTable('role_words')
    .set({ state: ended.state, after: ended.after, until_at: ended.state === 'kept' ? null : ended.now })
    .where('id', '=', id)
    .where('state', '=', 'trial')
    .returning('id')
    .executeTakeFirst();
  return row !== undefined;
}

/** What a kept version stands in place of. */
export const replaceEarlier = (tx: Tx, kept: Pick<Row<'role_words'>, 'id' | 'role' | 'part'>, now: number) =>
  tx
    .updateTable('role_words')
    .set({ state: 'replaced', until_at: now })
    .where('role', '=', kept.role)
    .where('part', '=', kept.part)
    .where('id', '<', kept.id)
    .where('state', '=', 'kept')
    .execute();
