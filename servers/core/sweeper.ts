import { leaseMs, sweep } from './leases.ts';
import type { Services } from './services.ts';

/**
 * Decides whether a sweep may end leases now. A clock that jumped (a closed laptop, a stopped process) says
 * nothing about the others, so the sweeper then waits one lease: whoever is alive beats before that.
 */
export class SweepGuard {
  #last: number;
  #graceUntil = 0;

  constructor(now: number) {
    this.#last = now;
  }

  /** Call it at least once a beat. */
  mayEnd(now: number, beatMs: number): boolean {
    if (now - this.#last > 2 * beatMs + 1000) this.#graceUntil = now + 3 * beatMs;
    this.#last = now;
    return now >= this.#graceUntil;
  }
}

/** Ends expired leases once a beat, or once a second when beats are longer. Returns how to stop. */
export function startSweeper(services: Services): () => void {
  let stopped = false;
  let timer: NodeJS.Timeout;
  const tick = async () => {
    let pause = 1000;
    try {
      const { factory } = await services.factory();
      pause = Math.min(1000, factory.lease.beat * 1000);
      const now = services.clock.now();
      if (services.sweepGuard.mayEnd(now, leaseMs(factory) / 3) && (await anythingExpired(services, now))) {
        await services.store.transaction((tx) => sweep(services.store, tx, factory, now));
      }
    } catch (error) {
      services.log(`sweep: ${String(error)}`);
    }
    if (!stopped) timer = setTimeout(() => void tick(), pause).unref();
  };
  timer = setTimeout(() => void tick(), 200).unref();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}

async function anythingExpired(services: Services, now: number): Promise<boolean> {
  const row = await services.store.db
    .selectFrom('leases')
    .select('subject')
    .where('holder', 'is not', null)
    .where('ends_at', '<=', now)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}
