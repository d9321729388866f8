import type { Db } from '../servers/core/store/store.ts';

/** How much each agent remembers, and when it last wrote. */
export const memoryCounts = (db: Db) =>
  db
    .selectFrom('memories')
    .select((eb) => [
      'agent',
      eb.fn.countAll<number>().as('all'),
      eb.fn.sum<number>(eb.case().when('valid_to', 'is', null).then(1).else(0).end()).as('live'),
      eb.fn.max<number>('recorded_at').as('last'),
    ])
    .groupBy('agent')
    .execute();

/** An agent's entries, the newest first; the live ones only unless `all`. */
export function entriesOfAgent(db: Db, agent: string, all: boolean, limit: number) {
  const entries = db
    .selectFrom('memories')
    .selectAll()
    .where('agent', '=', agent)
    .orderBy('recorded_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit);
  return (all ? entries : entries.where('valid_to', 'is', null)).execute();
}
