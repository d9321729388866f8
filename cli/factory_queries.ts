import type { Row } from '../servers/core/store/schema.ts';
import type { Db, Tx } from '../servers/core/store/store.ts';

/** The files of the definition in force. */
export const filesInForce = async (db: Db): Promise<Record<string, string>> => {
  const row = await db
    .selectFrom('factory_versions')
    .select('body')
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row ? (JSON.parse(row.body) as Record<string, string>) : {};
};

export const addFactoryVersion = (tx: Tx, version: Omit<Row<'factory_versions'>, 'id'>) =>
  tx.insertInto('factory_versions').values(version).execute();

export const listStops = (db: Db) => db.selectFrom('kills').selectAll().orderBy('at').execute();

export const addStop = (tx: Tx, scope: string, reason: string, now: number) =>
  tx
    .insertInto('kills')
    .values({ scope, reason, at: now })
    .onConflict((at) => at.column('scope').doUpdateSet({ reason, at: now }))
    .execute();

export const removeStop = (tx: Tx, scope: string | undefined) => {
  const remove = tx.deleteFrom('kills').returning('scope');
  return (scope === undefined ? remove : remove.where('scope', '=', scope)).execute();
};
