import { expect, test } from 'vitest';
import { isCron, matches } from '../../../servers/core/target/cron.ts';
import { bundleDigest } from '../../../servers/core/target/digest.ts';
import { openLocalTarget, stopLocalRuntime } from '../../../servers/core/target/local/local.ts';
import { readRuntimeInfo } from '../../../servers/core/target/local/runtime_info.ts';
import { resourcesOf } from '../../../servers/core/target/needs.ts';
import type { WorkerVersion } from '../../../servers/core/target/target.ts';
import { all, stateFolder } from './workers.ts';

/** A Worker that uses one of everything; `/fail` fails when FAILING says so. */
const SHOP = `
import { DurableObject } from 'cloudflare:workers';
export class Counter extends DurableObject {
  async add() {
    const n = ((await this.ctx.storage.get('n')) ?? 0) + 1;
    await this.ctx.storage.put('n', n);
    return env_version + ':' + n;
  }
}
const env_version = 'VERSION';
export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    if (pathname === '/fail' && env.FAILING === 'yes') throw new Error('as asked');
    if (pathname === '/kv') {
      await env.KV.put('k', String(Number((await env.KV.get('k')) ?? 0) + 1));
      return new Response(await env.KV.get('k'));
    }
    if (pathname === '/r2') {
      await env.BUCKET.put('o', 'object');
      return new Response(await (await env.BUCKET.get('o')).text());
    }
    if (pathname === '/send') return new Response(await env.QUEUE.send({ from: 'VERSION' }) ?? 'sent');
    if (pathname === '/got') return new Response((await env.KV.get('got')) ?? 'nothing');
    if (pathname === '/count') return new Response(await env.COUNTER.get(env.COUNTER.idFromName('c')).add());
    if (pathname === '/secret') return new Response(String(env.STRIPE_KEY.length));
    if (pathname === '/control') return new Response(request.headers.get('x-millwright-control') ?? 'none');
    return new Response('VERSION');
  },
  async queue(batch, env) {
    for (const message of batch.messages) await env.KV.put('got', batch.queue + ' ' + message.body.from + ' by VERSION');
  },
};`;

function shop(version: string, failing = false): WorkerVersion {
  const files = [
    { path: 'index.js', bytes: Buffer.from(SHOP.replaceAll('VERSION', version)) },
    { path: 'assets/page.html', bytes: Buffer.from(`<p>page of ${version}</p>`) },
    { path: 'assets/_headers', bytes: Buffer.from('/page\n  X-Frame-Options: DENY\n') },
    { path: 'assets/_redirects', bytes: Buffer.from('/old /page 302\n') },
    { path: 'assets/.well-known/what (is) [this].txt', bytes: Buffer.from('plain') },
  ];
  return {
    product: 'shop',
    version,
    bundle: bundleDigest(files),
    files,
    config: {
      name: 'shop',
      main: 'index.js',
      compatibilityDate: '2026-01-01',
      compatibilityFlags: [],
      d1: [],
      kv: [{ binding: 'KV', namespace: 'shop-kv' }],
      r2: [{ binding: 'BUCKET', bucket: 'shop-files' }],
      queues: {
        producers: [{ binding: 'QUEUE', queue: 'orders' }],
        consumers: [{ queue: 'orders', maxBatchSize: 1 }],
      },
      crons: ['*/5 * * * *'],
      durableObjects: [{ binding: 'COUNTER', className: 'Counter', sqlite: true }],
      assets: { notFound: 'none', runWorkerFirst: false },
      secrets: ['STRIPE_KEY'],
      vars: { FAILING: failing ? 'yes' : 'no' },
    },
    migrations: [],
    secrets: { STRIPE_KEY: 'sk_canary_0123456789' },
  };
}

const get = async (url: string) => {
  const answer = await fetch(url, { redirect: 'follow' });
  return `${answer.status} ${await answer.text()}`;
};

async function counts(url: string, requests: number, path = '/'): Promise<number[]> {
  const answers: string[] = [];
  for (let at = 0; at < requests; at += 1) answers.push(await get(url + path));
  return ['200 1.0.0', '200 2.0.0'].map((version) => answers.filter((one) => one === version).length);
}

test('two versions share the traffic and every kind of resource; the split is kept, counted and taken back', async () => {
  const dir = await stateFolder();
  const target = await openLocalTarget({ dir });
  const [first, second] = [shop('1.0.0'), shop('2.0.0', true)];
  for (const resource of resourcesOf(first.config)) await target.ensure(resource);
  await target.upload(first);
  await target.upload(second);
  const { url } = await target.split('shop', all('1.0.0'));

  expect(await get(`${url}/kv`)).toBe('200 1');
  expect(await get(`${url}/r2`)).toBe('200 object');
  expect(await get(`${url}/secret`)).toBe('200 20');
  expect(await get(`${url}/page`)).toBe('200 <p>page of 1.0.0</p>');
  expect(await get(`${url}/old`)).toBe('200 <p>page of 1.0.0</p>');
  expect((await fetch(`${url}/page`)).headers.get('x-frame-options')).toBe('DENY');
  expect(await get(`${url}/_headers`)).not.toContain('DENY');
  expect(await get(`${url}/.well-known/${encodeURIComponent('what (is) [this].txt')}`)).toBe('200 plain');
  expect(await get(`${url}/count`)).toBe('200 1.0.0:1');
  await get(`${url}/send`);
  await expect.poll(() => get(`${url}/got`), { timeout: 10_000 }).toBe('200 orders 1.0.0 by 1.0.0');

  const preview = await target.previewUrl('shop', '2.0.0');
  expect(preview).not.toBe(url);
  expect(await get(`${preview}/page`)).toBe('200 <p>page of 2.0.0</p>');
  expect(await get(`${preview}/kv`)).toBe('200 2');
  expect(await target.serving('shop')).toEqual({ shares: all('1.0.0'), url });

  const split = [
    { version: '1.0.0', percent: 50 },
    { version: '2.0.0', percent: 50 },
  ];
  const workerd = (await readRuntimeInfo(dir))?.workerd;
  expect(await target.split('shop', split)).toEqual({ url });
  expect((await readRuntimeInfo(dir))?.workerd).toEqual(workerd);
  const [one = 0, two = 0] = await counts(url, 100);
  expect(one + two).toBe(100);
  expect(Math.min(one, two)).toBeGreaterThan(25);
  await counts(url, 40, '/fail');
  expect(await get(`${url}/count`)).toBe('200 1.0.0:2');
  expect(await (await fetch(`${url}/control`, { headers: { 'x-millwright-control': 'guess' } })).text()).toBe(
    'guess',
  );
  const numbers = (await target.numbers('shop')) ?? [];
  expect(numbers.map(({ version }) => version)).toEqual(['1.0.0', '2.0.0']);
  expect(numbers[0]).toMatchObject({ errors: 0 });
  expect(numbers[1]?.errors).toBeGreaterThan(5);
  expect(numbers.reduce((sum, { requests }) => sum + requests, 0)).toBe(142);
  expect(numbers[1]?.latencyMs).toHaveLength(numbers[1]?.requests ?? -1);
  await target.split('shop', split);
  expect((await target.numbers('shop'))?.[1]).toEqual(numbers[1]);

  await stopLocalRuntime(dir);
  expect(await target.serving('shop')).toEqual({ shares: split, url });
  expect((await target.numbers('shop'))?.[1]?.requests).toBe(0);
  expect((await counts(url, 40)).every((count) => count > 5)).toBe(true);

  const running = (await readRuntimeInfo(dir))?.workerd;
  let failures = 0;
  let over = false;
  const traffic = (async () => {
    while (!over)
      await get(url).then(
        (text) => (failures += text.startsWith('200') ? 0 : 1),
        () => (failures += 1),
      );
  })();
  await target.split('shop', all('1.0.0'));
  expect(await counts(url, 40)).toEqual([40, 0]);
  over = true;
  await traffic;
  expect(failures).toBe(0);
  expect((await readRuntimeInfo(dir))?.workerd).toEqual(running);

  await target.split('shop', all('2.0.0'));
  expect(await get(`${url}/count`)).toBe('200 2.0.0:3');
  const { kv, count } = { kv: await get(`${url}/kv`), count: await get(`${url}/page`) };
  expect([kv, count]).toEqual(['200 3', '200 <p>page of 2.0.0</p>']);

  const found = (await target.resources()).find(({ kind }) => kind === 'kv');
  if (!found) throw new Error('no namespace');
  await target.retire('shop');
  await target.remove(found);
  await target.remove(found);
  expect((await target.resources()).map(({ kind }) => kind)).not.toContain('kv');
  await expect(target.split('shop', all('1.0.0'))).rejects.toThrow('The KV namespace shop-kv does not exist');
}, 120_000);

test.each([
  [[{ version: '1.0.0', percent: 90 }]],
  [[]],
  [
    [
      { version: '1.0.0', percent: 50 },
      { version: '1.0.0', percent: 50 },
    ],
  ],
  [
    [
      { version: '1.0.0', percent: 99.5 },
      { version: '2.0.0', percent: 0.5 },
    ],
  ],
  [['1', '2', '3'].map((version, at) => ({ version, percent: at === 0 ? 34 : 33 }))],
])('%j is no split', async (shares) => {
  const target = await openLocalTarget({ dir: await stateFolder() });
  await expect(target.split('shop', shares)).rejects.toThrow('no split');
});

test.each([
  ['*/5 * * * *', '2026-11-22T10:05:00Z', true],
  ['*/5 * * * *', '2026-11-22T10:06:00Z', false],
  ['0 9-17/4 * * MON-FRI', '2026-11-23T13:00:00Z', true],
  ['0 9-17/4 * * MON-FRI', '2026-11-22T13:00:00Z', false],
  ['30 2 1 JAN,jul *', '2026-07-01T02:30:00Z', true],
  ['0 0 * * 1', '2026-11-22T00:00:00Z', true],
  ['0 0 13 * FRI', '2026-11-13T00:00:00Z', true],
  ['0 0 13 * FRI', '2026-11-20T00:00:00Z', true],
  ['61 * * * *', '2026-11-22T00:00:00Z', false],
])('the cron %s at %s: %s', (cron, at, expected) => {
  expect(matches(cron, new Date(at))).toBe(expected);
});

test.each(['* * * *', '60 * * * *', '5-1 * * * *', '*/0 * * * *', 'L * * * *', '* * * * 0'])(
  '%s is no cron',
  (cron) => expect(isCron(cron)).toBe(false),
);
