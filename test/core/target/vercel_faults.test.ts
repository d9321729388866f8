import { expect, test } from 'vitest';
import type { Target } from '../../../servers/core/target/target.ts';
import { versionOf } from './cloudflare_version.ts';
import { startVercelAccount } from './vercel_account.ts';
import { TOKEN } from './vercel_stub.ts';

const PROJECT = { kind: 'worker', name: 'shop' } as const;
const SECRET = 'value-91b3f4';
const limitedBody = (reset: number) =>
  JSON.stringify({
    error: {
      code: 'rate_limited',
      message: 'Try again',
      limit: { remaining: 0, reset, resetMs: reset * 1000, total: 6 },
    },
  });

test('a 429 is waited out as long as a header or the body says, for every process of the account', async () => {
  const { stub, again } = await startVercelAccount();
  let time = Date.now();
  const waits: number[] = [];
  const now = () => time;
  const sleep = async (ms: number) => {
    waits.push(ms);
    time += ms;
  };
  let until = 0;
  const budget = {
    take: async () => Math.max(0, until - time),
    pauseUntil: async (at: number) => {
      until = at;
    },
  };
  const target = again({ sleep, now, budget });
  stub.fault({ match: /POST \/v11/, status: 429, headers: { 'retry-after': '7' } });
  stub.fault({ match: /POST \/v11/, status: 429, body: limitedBody(Math.ceil(time / 1000) + 20) });
  const reset = { 'x-ratelimit-reset': String(Math.ceil(time / 1000) + 30) };
  stub.fault({ match: /POST \/v11/, status: 429, headers: reset });
  expect(await target.ensure(PROJECT)).toMatchObject({ created: true });
  expect(waits).toHaveLength(3);
  expect(waits[0]).toBe(7000);
  expect(stub.writes()).toEqual(['POST /v11/projects']);

  stub.fault({ match: /GET \/v9/, status: 429, headers: { 'retry-after': '300' } });
  await expect(target.ensure(PROJECT)).rejects.toMatchObject({ rule: 'vercel.limit' });
  const asked = stub.calls.length;
  await expect(again({ sleep, now, budget }).resources()).rejects.toMatchObject({
    rule: 'vercel.limit',
    message: "The account's rate limit is used up; GET /v10/projects would have to wait 300 s.",
  });
  expect(stub.calls).toHaveLength(asked);
});

test('HTML, silence, a closed door, a 5xx and a wrong token each end in one sentence without the token', async () => {
  const { stub, target, again } = await startVercelAccount();
  const sentences: string[] = [];
  const failure = async (of: Target) => {
    const error = await of.resources().then(
      () => undefined,
      (thrown: Error) => thrown,
    );
    sentences.push(`${error?.message} ${String(error?.cause)} ${JSON.stringify(error)}`);
    return error;
  };
  stub.fault({ match: /GET/, status: 502, body: '<html>Bad gateway</html>', times: 3 });
  expect(await failure(target)).toMatchObject({
    rule: 'vercel.answer',
    message: "Vercel's answer to GET /v10/projects is an HTML page, with status 502.",
  });
  stub.fault({ match: /GET/, status: 200, body: '<html>Log in</html>' });
  expect(await failure(target)).toMatchObject({ rule: 'vercel.answer' });
  stub.fault({ match: /GET/, status: 503, times: 3 });
  expect(await failure(target)).toMatchObject({
    rule: 'vercel.unreachable',
    message: 'Vercel failed at GET /v10/projects with status 503.',
  });
  stub.fault({ match: /GET/, how: 'hang', times: 3 });
  expect(await failure(again({ timeoutMs: 60 }))).toMatchObject({
    rule: 'vercel.unreachable',
    message: 'Vercel did not answer GET /v10/projects in time.',
  });
  stub.fault({ match: /GET/, how: 'refuse', times: 3 });
  expect(await failure(target)).toMatchObject({
    message: 'Vercel could not be reached for GET /v10/projects.',
  });
  expect(await failure(again({ token: async () => 'another' }))).toMatchObject({
    rule: 'vercel.token',
    message: "Vercel does not let the factory's token do GET /v10/projects (status 403).",
  });
  stub.fault({ match: /GET/, status: 200, body: '{"projects":[{"name":1}]}' });
  expect(await failure(target)).toMatchObject({ rule: 'vercel.answer' });
  for (const sentence of sentences) expect(sentence).not.toContain(TOKEN);
  stub.fault({ match: /GET/, status: 503, times: 2 });
  expect(await target.resources()).toEqual([]);
});

test('failure between any two calls of a release: the next try ends it and makes nothing twice', async () => {
  const { stub, store, again: another } = await startVercelAccount();
  const budget = { take: async () => 0, pauseUntil: async () => {} };
  const again = () => another({ budget });
  const end = [{ version: 'R1', percent: 100 }];
  const release = async (target: Target) => {
    await target.ensure(PROJECT);
    await target.upload(versionOf('R1', { secrets: ['KEY'] }, { secrets: { KEY: SECRET } }));
    await target.split('shop', end);
    await target.retire('shop');
    await target.split('shop', end);
    return (await target.serving('shop'))?.shares;
  };
  expect(await release(again())).toEqual(end);
  const all = stub.calls.length;
  expect(all).toBeGreaterThan(30);
  const every = process.env.LONG_TESTS === '1' ? 1 : 4;
  for (let n = 1; n < all; n += every) {
    stub.reset();
    await store.db.deleteFrom('target_versions').execute();
    stub.dieAfter(n);
    const error = await release(again()).then(
      () => undefined,
      (thrown: Error) => thrown,
    );
    expect(error, `cut after ${n}`).toMatchObject({ code: 'UPSTREAM' });
    expect(`${error?.message} ${String(error?.cause)}`).not.toMatch(new RegExp(`${TOKEN}|${SECRET}`));
    stub.heal();
    expect(await release(again()), `again after ${n}`).toEqual(end);
    expect(stub.state.projects).toHaveLength(1);
    expect(
      stub.state.deployments.map(({ meta }) => meta.millwright),
      `after ${n}`,
    ).toHaveLength(2);
  }
  const kept = JSON.stringify(await store.db.selectFrom('target_versions').selectAll().execute());
  expect(kept).not.toMatch(new RegExp(`${TOKEN}|${SECRET}`));
});
