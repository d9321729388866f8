import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { systemClock } from '../../../servers/core/clock.ts';
import { openStore, type Store } from '../../../servers/core/store/store.ts';
import { storedBook } from '../../../servers/core/target/book.ts';
import { type CloudflareAccess, cloudflareClient } from '../../../servers/core/target/cloudflare/client.ts';
import { openCloudflareTarget } from '../../../servers/core/target/cloudflare/cloudflare.ts';
import { sharedBudget } from '../../../servers/core/target/rate_budget.ts';
import type { Target } from '../../../servers/core/target/target.ts';
import { ACCOUNT, type CloudflareStub, startCloudflareStub, TOKEN } from './cloudflare_stub.ts';

export interface TestAccount {
  stub: CloudflareStub;
  store: Store;
  target: Target;
  /** Another process of the same factory, as far as the target can tell. */
  again(more?: Partial<CloudflareAccess>): Target;
}

/** The target over its real client and store, with the stub as the far side; waits are not waited for. */
export async function startAccount(): Promise<TestAccount> {
  const folder = await mkdtemp(join(tmpdir(), 'millwright-cloudflare-'));
  const store = await openStore(join(folder, 'store.sqlite'));
  const stub = await startCloudflareStub();
  onTestFinished(async () => {
    await stub.close();
    await store.close();
    await rm(folder, { recursive: true, force: true });
  });
  const again = (more: Partial<CloudflareAccess> = {}) =>
    openCloudflareTarget({
      client: cloudflareClient({
        account: ACCOUNT,
        token: async () => TOKEN,
        budget: sharedBudget(store, systemClock, 'test'),
        api: stub.url,
        sleep: async () => {},
        ...more,
      }),
      book: storedBook(store, 'cloudflare'),
      clock: systemClock,
    });
  return { stub, store, again, target: again() };
}
