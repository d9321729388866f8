import type { CompiledQuery } from 'kysely';
import { releaseLease } from '../../servers/core/leases.ts';
import type { Db, Store, Tx } from '../../servers/core/store/store.ts';

/** Of how many transactions one goes wrong. */
const EVERY = 10;

/** Builds with one promise broken each: a run of any of them must find violations. */
export const MUTANTS = {
  /** Finds every lease held by whoever asks: nobody looks at fences. */
  fence(store: Store): Store {
    return {
      ...store,
      db: everyLeaseHeld(store.db),
      transaction: (work) => store.transaction((tx) => work(everyLeaseHeld(tx))),
    };
  },

  /** Lets go of leases whose holders are alive, and tells nobody. */
  lease: (store: Store): Store =>
    nowAndThen(store, (work) =>
      store.transaction(async (tx) => {
        await loseOneLease(tx);
        return work(tx);
      }),
    ),

  /** Acknowledges what it did not keep. */
  write: (store: Store): Store =>
    nowAndThen(store, async <T>(work: (tx: Tx) => Promise<T>) => {
      const undone: { result?: T } = {};
      const transaction = store.transaction(async (tx) => {
        undone.result = await work(tx);
        throw undone;
      });
      await transaction.catch((error) => {
        if (error !== undone) throw error;
      });
      return undone.result as T;
    }),
} satisfies Record<string, (store: Store) => Store>;

export type Mutant = keyof typeof MUTANTS;

function nowAndThen(store: Store, wrong: Store['transaction']): Store {
  let transactions = 0;
  return {
    ...store,
    transaction: (work) => (++transactions % EVERY === 0 ? wrong(work) : store.transaction(work)),
  };
}

async function loseOneLease(tx: Tx): Promise<void> {
  const lease = await tx
    .selectFrom('leases')
    .select('subject')
    .where('kind', '=', 'task')
    .where('holder', 'is not', null)
    .limit(1)
    .executeTakeFirst();
  if (!lease) return;
  await releaseLease(tx, 'task', lease.subject);
  await tx.updateTable('tasks').set({ state: 'ready' }).where('id', '=', lease.subject).execute();
}

/** A database, or a transaction of it, in which each prepared question whether a lease is held is answered with yes. */
function everyLeaseHeld<T extends Db>(db: T): T {
  const executor = db.getExecutor();
  const adapter = seenThrough(executor.adapter, { isFreeFor: () => false });
  const { executeQuery } = db;
  return seenThrough(db, {
    getExecutor: () => seenThrough(executor, { adapter }),
    executeQuery: (query: CompiledQuery) =>
      /^select "fence" from "leases"/.test(query.sql)
        ? Promise.resolve({ rows: [{ fence: 1 }] })
        : executeQuery.call(db, query),
  });
}

/** The object with some members of it replaced. */
function seenThrough<T extends object>(object: T, instead: Partial<Record<PropertyKey, unknown>>): T {
  return new Proxy(object, {
    get(target, name) {
      if (Object.hasOwn(instead, name)) return instead[name];
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
