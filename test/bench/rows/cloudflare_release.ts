import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../../../servers/core/clock.ts';
import { openStore } from '../../../servers/core/store/store.ts';
import { storedBook } from '../../../servers/core/target/book.ts';
import { cloudflareClient } from '../../../servers/core/target/cloudflare/client.ts';
import { openCloudflareTarget } from '../../../servers/core/target/cloudflare/cloudflare.ts';
import { sharedBudget } from '../../../servers/core/target/rate_budget.ts';
import { ACCOUNT, startCloudflareStub, TOKEN } from '../../core/target/cloudflare_stub.ts';
import { versionOf } from '../../core/target/cloudflare_version.ts';
import { middleRound, ROUNDS, type Row, rounded, type Surroundings } from '../row.ts';

const BAR_RATIO = 4;
const BAR_CALLS = 30;

/**
 * What the server itself takes for a release at Cloudflare: upload with a database and a secret, a migration, and the
 * splits 10, 50 and 100 %, each read back. The far side is the stub in this process; beside it stand as many bare
 * requests to the same stub.
 */
export async function cloudflareRelease({ folder, signal }: Surroundings): Promise<Row> {
  const rounds: { value: number; echo: number; calls: number }[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    signal.throwIfAborted();
    rounds.push(await releaseOnce(await mkdtemp(join(folder, 'cloudflare-'))));
  }
  const { value, echo, calls } = middleRound(rounds, (one) => one.value / one.echo);
  return {
    name: `Cloudflare release, server's own part (${calls} API calls)`,
    value: rounded(value),
    unit: 'ms',
    echo: rounded(echo),
    ratio: rounded(value / echo),
    bar: `≤ ${BAR_RATIO} × bare requests, ≤ ${BAR_CALLS} calls`,
    pass: value <= BAR_RATIO * echo && calls <= BAR_CALLS,
  };
}

async function releaseOnce(folder: string): Promise<{ value: number; echo: number; calls: number }> {
  const stub = await startCloudflareStub();
  const store = await openStore(join(folder, 'store.sqlite'));
  try {
    const budget = sharedBudget(store, systemClock, 'bench');
    const client = cloudflareClient({ account: ACCOUNT, token: async () => TOKEN, budget, api: stub.url });
    const target = openCloudflareTarget({
      client,
      book: storedBook(store, 'cloudflare'),
      clock: systemClock,
    });
    for (const kind of ['worker', 'd1'] as const) await target.ensure({ kind, name: 'shop' });
    await target.upload(versionOf('R1'));
    await target.split('shop', [{ version: 'R1', percent: 100 }]);
    const before = stub.calls.length;
    const config = { d1: [{ binding: 'DB', database: 'shop' }], secrets: ['KEY'] };
    const migrations = [{ database: 'shop', name: '0001.sql', sql: 'CREATE TABLE a (id INTEGER)' }];
    const value = await timed(async () => {
      await target.upload(versionOf('R2', config, { secrets: { KEY: 'canary-1' }, migrations }));
      await target.migrate('shop', 'R2');
      for (const percent of [10, 50])
        await target.split('shop', [
          { version: 'R2', percent },
          { version: 'R1', percent: 100 - percent },
        ]);
      await target.split('shop', [{ version: 'R2', percent: 100 }]);
    });
    const calls = stub.calls.length - before;
    const headers = { authorization: `Bearer ${TOKEN}` };
    const echo = await timed(async () => {
      for (let call = 0; call < calls; call += 1)
        await (await fetch(`${stub.url}/accounts/${ACCOUNT}/workers/subdomain`, { headers })).json();
    });
    return { value, echo, calls };
  } finally {
    await store.close();
    await stub.close();
  }
}

async function timed(work: () => Promise<void>): Promise<number> {
  const from = performance.now();
  await work();
  return performance.now() - from;
}
