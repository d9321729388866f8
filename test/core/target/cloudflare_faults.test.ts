import { expect, test } from 'vitest';
import type { Target } from '../../../servers/core/target/target.ts';
import { startAccount } from './cloudflare_account.ts';
import { TOKEN } from './cloudflare_stub.ts';
import { versionOf } from './cloudflare_version.ts';

const DATABASE = { kind: 'd1', name: 'shop' } as const;
const made = (writes: readonly string[]) => writes.filter((call) => call === 'POST /d1/database').length;

test('trap: a 429 is waited out as long as Retry-After says, for every process of the account', async () => {
  const { stub, again } = await startAccount();
  let time = Date.now();
  const waits: number[] = [];
  const now = () => time;
  const sleep = async (ms: number) => {
    waits.push(ms);
    time += ms;
  };
  const budget = { until: 0 };
  const shared = {
    take: async () => Math.max(0, budget.until - time),
    pauseUntil: async (at: number) => {
      budget.until = at;
    },
  };
  const target = again({ sleep, now, budget: shared });
  stub.fault({ match: /POST \/d1/, status: 429, headers: { 'retry-after': '7' }, times: 2 });
  expect(await target.ensure(DATABASE)).toMatchObject({ created: true });
  expect(waits).toEqual([7000, 7000]);
  expect(made(stub.writes())).toBe(1);

  stub.fault({ match: /GET \/d1/, status: 429, headers: { 'retry-after': '300' } });
  await expect(target.ensure(DATABASE)).rejects.toMatchObject({ rule: 'cloudflare.limit' });
  const calls = stub.calls.length;
  await expect(again({ sleep, now, budget: shared }).resources()).rejects.toMatchObject({
    rule: 'cloudflare.limit',
    message: expect.stringContaining('300 s'),
  });
  expect(stub.calls).toHaveLength(calls);
});

test('the account is asked at most 1,200 times in five minutes by all processes together', async () => {
  const { store } = await startAccount();
  const { sharedBudget } = await import('../../../servers/core/target/rate_budget.ts');
  let time = 1_000_000_000_000;
  const clock = { now: () => time };
  const processes = [sharedBudget(store, clock, 'account'), sharedBudget(store, clock, 'account')];
  const end = time + 5 * 60_000;
  let taken = 0;
  for (let turn = 0; time < end; turn += 1) {
    const wait = (await processes[turn % 2]?.take()) ?? 0;
    if (wait === 0) taken += 1;
    // Half a minute at a time: what matters is the sum, and each look is a transaction.
    else time += 30_000;
  }
  expect(taken).toBeLessThanOrEqual(1200);
  expect(taken).toBeGreaterThan(1000);
  await processes[0]?.pauseUntil(time + 9_000);
  expect(await processes[1]?.take()).toBe(9_000);
});

test('trap: a 5xx is tried again where that is harmless, and what makes something is looked for first', async () => {
  const { stub, target } = await startAccount();
  stub.fault({ match: /GET \/d1/, status: 503, times: 2 });
  expect(await target.ensure(DATABASE)).toMatchObject({ created: true });
  stub.fault({ match: /POST \/storage/, how: 'cut' });
  expect(await target.ensure({ kind: 'kv', name: 'shop' })).toMatchObject({ created: true });
  expect(stub.calls.filter(({ call }) => call === 'POST /storage/kv/namespaces')).toHaveLength(1);
  stub.fault({ match: /POST \/r2/, status: 500, times: 9 });
  await expect(target.ensure({ kind: 'r2', name: 'shop' })).rejects.toMatchObject({
    code: 'UPSTREAM',
    rule: 'cloudflare.unreachable',
    message: 'Cloudflare failed at POST /r2/buckets with status 500.',
  });
});

test('trap: HTML, silence, a closed door and a wrong token each end in one sentence without the token', async () => {
  const { stub, target, again } = await startAccount();
  const sentences: string[] = [];
  const failure = async (of: Target) => {
    const error = await of.resources().then(
      () => undefined,
      (thrown: Error) => thrown,
    );
    sentences.push(`${error?.message} ${String(error?.cause)}`);
    return error;
  };
  stub.fault({ match: /GET \/d1/, status: 502, body: '<html>Bad gateway</html>', times: 3 });
  expect(await failure(target)).toMatchObject({
    rule: 'cloudflare.answer',
    message: "Cloudflare's answer to GET /d1/database is an HTML page, with status 502.",
  });
  stub.fault({ match: /GET \/d1/, how: 'hang', times: 3 });
  expect(await failure(again({ timeoutMs: 60 }))).toMatchObject({
    rule: 'cloudflare.unreachable',
    message: 'Cloudflare did not answer GET /d1/database in time.',
  });
  stub.fault({ match: /GET \/d1/, how: 'refuse', times: 3 });
  expect(await failure(target)).toMatchObject({
    rule: 'cloudflare.unreachable',
    message: 'Cloudflare could not be reached for GET /d1/database.',
  });
  expect(await failure(again({ token: async () => 'another' }))).toMatchObject({ rule: 'cloudflare.token' });
  stub.fault({ match: /GET \/d1/, status: 200, body: '{"success":true,"errors":[],"result":[{"name":1}]}' });
  expect(await failure(target)).toMatchObject({ rule: 'cloudflare.answer' });
  for (const sentence of sentences) expect(sentence).not.toContain(TOKEN);
});

test('trap: failure between any two calls of a release; the next try ends it and makes nothing twice', async () => {
  const { stub, store, again: process } = await startAccount();
  const budget = { take: async () => 0, pauseUntil: async () => {} };
  const again = () => process({ budget });
  const one = versionOf(
    'R1',
    { d1: [{ binding: 'DB', database: 'shop' }], secrets: ['KEY'], crons: ['0 0 * * *'] },
    {
      secrets: { KEY: 'v' },
      migrations: [{ database: 'shop', name: '0001.sql', sql: 'CREATE TABLE a (id INTEGER)' }],
    },
  );
  const release = async (target: Target) => {
    await target.ensure({ kind: 'worker', name: 'shop' });
    await target.ensure(DATABASE);
    await target.upload(one);
    await target.migrate('shop', 'R1');
    await target.split('shop', [{ version: 'R1', percent: 100 }]);
    return (await target.serving('shop'))?.shares;
  };
  await release(again());
  const all = stub.calls.length;
  const wanted = stub.writes().sort();
  expect(all).toBeGreaterThan(15);
  for (let n = 1; n < all; n += 1) {
    stub.reset();
    await store.db.deleteFrom('target_versions').execute();
    stub.dieAfter(n);
    await expect(release(again())).rejects.toMatchObject({ code: 'UPSTREAM' });
    stub.heal();
    expect(await release(again())).toEqual([{ version: 'R1', percent: 100 }]);
    const worker = stub.state.workers.get('shop');
    expect(worker?.versions).toHaveLength(2);
    expect(worker?.deployments).toHaveLength(2);
    const notes = stub.state.d1.get('shop')?.db.prepare('SELECT name FROM d1_migrations').all();
    expect(notes).toEqual([{ name: '0001.sql' }]);
    const writes = stub.writes().filter((call) => !call.endsWith('/query'));
    expect(writes.sort(), `after call ${n}`).toEqual(wanted.filter((call) => !call.endsWith('/query')));
  }
});
