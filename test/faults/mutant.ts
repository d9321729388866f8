import type { KyselyPlugin, QueryId } from 'kysely';
import type { Store } from '../../servers/core/store/store.ts';

/** A store that finds every lease held by whoever asks: what a build without the check of the fence would do. */
export function withoutFences(store: Store): Store {
  const plugin = everyLeaseHeld();
  return {
    ...store,
    db: store.db.withPlugin(plugin),
    transaction: (work) => store.transaction((tx) => work(tx.withPlugin(plugin))),
  };
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
