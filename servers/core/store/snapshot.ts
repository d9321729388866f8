import { sql } from 'kysely';
import { type Readable, tablesOf } from './catalog.ts';
import { storeFault } from './faults.ts';
import type { Store, Tx } from './store.ts';

/**
 * Runs `work` in one write transaction, once: unlike `store.transaction` it is never run again after a failure, for
 * work whose other half lies in another store. Throws what `work` threw, or the store's fault.
 */
export async function runOnce<T>(store: Store, work: (tx: Tx) => Promise<T>): Promise<T> {
  let failure: { error: unknown } | undefined;
  try {
    return await store.transaction(async (tx) => {
      if (store.dialect === 'postgres') {
        // Between two of its statements this transaction waits for the other store.
        await sql`set local idle_in_transaction_session_timeout = 0`.execute(tx);
      }
      return work(tx).catch((error) => {
        failure = { error };
        throw new Error('taken back');
      });
    });
  } catch (error) {
    throw storeFault(failure ? failure.error : error);
  }
}

/**
 * Lets `work` read the store as one moment shows it. Others go on writing, except on SQLite, whose writers wait, and
 * with `still`, which makes all writers wait until the end.
 */
export function inSnapshot<T>(
  store: Store,
  work: (from: Readable, tx: Tx) => Promise<T>,
  { still = false } = {},
): Promise<T> {
  return runOnce(store, async (tx) => {
    const from = { dialect: store.dialect, db: tx };
    if (store.dialect === 'sqlite') return work(from, tx);
    if (still) {
      const names = (await tablesOf({ dialect: store.dialect, db: store.db })).map(({ name }) =>
        sql.table(name),
      );
      await sql`set transaction isolation level repeatable read`.execute(tx);
      await sql`lock table ${sql.join(names)} in share row exclusive mode`.execute(tx);
    } else {
      await sql`set transaction isolation level repeatable read, read only`.execute(tx);
    }
    return work(from, tx);
  });
}
