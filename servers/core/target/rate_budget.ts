import { sql } from 'kysely';
import type { Clock } from '../clock.ts';
import type { Store } from '../store/store.ts';

/**
 * Cloudflare allows 1,200 requests in any five minutes and then blocks for five. A bucket of 300 that fills by three
 * a second gives at most 300 + 900 in any five minutes.
 */
const BUCKET = 300;
const PER_SECOND = 3;
const MILLI = 1000;

/** The requests that an account has left, shared by every process of the factory. */
export interface RateBudget {
  /** Takes one request and returns 0, or takes nothing and returns the milliseconds to wait. */
  take(): Promise<number>;
  /** Nobody takes any before this time, in milliseconds since 1970. */
  pauseUntil(time: number): Promise<void>;
}

/** A budget kept in the store under `name`. Never call it inside a transaction. */
export function sharedBudget(store: Store, clock: Clock, name: string): RateBudget {
  const row = { name, budget: BUCKET * MILLI, filled_at: clock.now(), paused_until: 0 };
  const start = () =>
    store.db
      .insertInto('rate_budgets')
      .values(row)
      .onConflict((conflict) => conflict.column('name').doNothing())
      .execute();
  return {
    take: () =>
      store.transaction(async (tx) => {
        const now = clock.now();
        const found = await tx
          .selectFrom('rate_budgets')
          .selectAll()
          .where('name', '=', name)
          .$if(store.dialect === 'postgres', (query) => query.forUpdate())
          .executeTakeFirst();
        const bucket = found ?? row;
        if (bucket.paused_until > now) return bucket.paused_until - now;
        const passed = Math.max(0, now - bucket.filled_at);
        const left = Math.min(BUCKET * MILLI, bucket.budget + passed * PER_SECOND);
        if (left < MILLI) return Math.ceil((MILLI - left) / PER_SECOND);
        const next = { budget: left - MILLI, filled_at: Math.max(now, bucket.filled_at) };
        await tx
          .insertInto('rate_budgets')
          .values({ ...bucket, ...next })
          .onConflict((conflict) => conflict.column('name').doUpdateSet(next))
          .execute();
        return 0;
      }),

    async pauseUntil(time) {
      await start();
      await store.transaction((tx) =>
        tx
          .updateTable('rate_budgets')
          .set({
            paused_until: sql<number>`case when paused_until < ${time} then ${time} else paused_until end`,
          })
          .where('name', '=', name)
          .execute(),
      );
    },
  };
}
