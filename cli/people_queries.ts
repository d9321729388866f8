import type { Row } from '../servers/core/store/schema.ts';
import type { Db, Tx } from '../servers/core/store/store.ts';

/** The humans of a factory by the time they were added; revoked ones too. */
export const listHumans = (db: Db) => db.selectFrom('humans').selectAll().orderBy('added_at').execute();

/** The humans whose signature counts now. */
export const activeHumans = (db: Db) =>
  db.selectFrom('humans').selectAll().where('revoked_at', 'is', null).orderBy('added_at').execute();

export const addHuman = (tx: Tx, human: Row<'humans'>) => tx.insertInto('humans').values(human).execute();

export const revokeHuman = (tx: Tx, name: string, now: number) =>
  tx
    .updateTable('humans')
    .set({ revoked_at: now })
    .where('name', '=', name)
    .where('revoked_at', 'is', null)
    .returning('name')
    .executeTakeFirst();

/** The assurance of the first definition: `rehearsal` marks a factory that no person stands behind. */
export const firstAssurance = async (db: Db) =>
  (await db.selectFrom('factory_versions').select('assurance').orderBy('id').limit(1).executeTakeFirst())
    ?.assurance;

export const isSignatureUsed = async (db: Db, signature: string) =>
  (await db
    .selectFrom('factory_versions')
    .select('id')
    .where('signature', '=', signature)
    .executeTakeFirst()) !== undefined;
