import type { KyselyPlugin, QueryId } from 'kysely';
import { releaseLease } from '../../servers/core/leases.ts';
import type { Store, Tx } from '../../servers/core/store/store.ts';

/** Of how many transactions one goes wrong. */
const EVERY = 10;

/** Builds with one promise broken each: a run of any of them must find violations. */
export const MUTANTS = {
  /** Finds every lease held by whoever asks: nobody looks at fences. */
  fence(store: Store): Store {
    const plugin = everyLeaseHeld();
    return {
      ...store,
      db: store.db.withPlugin(plugin),
      transaction: (work) => store.transaction((tx) => work(tx.withPlugin(plugin))),
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

function everyLeaseHeld(): KyselyPlugin {
  const asked = new WeakSet<QueryId>();
  return {
    transformQuery({ node, queryId }) {
      const asks = JSON.stringify(node);
      const isCheck = /"SelectQueryNode"/.test(asks) && /"leases"/.test(asks) && /"fence"/.test(asks);
      if (isCheck && /"ends_at"/.test(asks) && !/"agent"|"SelectAllNode"/.test(asks)) asked.add(queryId);
      return node;
    },
    async transformResult({ result, queryId }) {
      return asked.has(queryId) ? { ...result, rows: [{ fence: 1 }] } : result;
    },
  };
}
