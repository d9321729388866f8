import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { systemClock } from '../../../servers/core/clock.ts';
import { openStore, type Store } from '../../../servers/core/store/store.ts';
import { storedBook } from '../../../servers/core/target/book.ts';
import { sharedBudget } from '../../../servers/core/target/rate_budget.ts';
import type { Target } from '../../../servers/core/target/target.ts';
import { type VercelAccess, vercelClient } from '../../../servers/core/target/vercel/client.ts';
import { openVercelTarget } from '../../../servers/core/target/vercel/vercel.ts';
import { startVercelStub, TEAM, TOKEN, type VercelStub } from './vercel_stub.ts';

interface TestAccount {
  stub: VercelStub;
  store: Store;
  target: Target;
  /** Another process of the same factory, as far as the target can tell. */
  again(more?: Partial<VercelAccess>): Target;
}

/** The target over its real client and store, with the stub as the far side; waits only move the time on. */
export async function startVercelAccount(): Promise<TestAccount> {
  const folder = await mkdtemp(join(tmpdir(), 'millwright-vercel-'));
  const store = await openStore(join(folder, 'store.sqlite'));
  const stub = await startVercelStub();
  onTestFinished(async () => {
    await stub.close();
    await store.close();
    await rm(folder, { recursive: true, force: true });
  });
  let waited = 0;
  const sleep = async (ms: number) => {
    waited += ms;
  };
  const now = () => Date.now() + waited;
  const again = (more: Partial<VercelAccess> = {}) => {
    const budget = sharedBudget(store, systemClock, 'test');
    const access = { token: async () => TOKEN, team: TEAM, budget, api: stub.url, sleep, ...more };
    const book = storedBook(store, 'vercel');
    return openVercelTarget({ client: vercelClient(access), book, clock: systemClock, pace: { sleep, now } });
  };
  return { stub, store, again, target: again() };
}
