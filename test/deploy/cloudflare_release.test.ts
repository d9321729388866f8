import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../servers/core/clock.ts';
import { createAuthority, headOfMain } from '../../servers/core/git/authority.ts';
import type { Services } from '../../servers/core/services.ts';
import { storedBook } from '../../servers/core/target/book.ts';
import { cloudflareClient } from '../../servers/core/target/cloudflare/client.ts';
import { openCloudflareTarget } from '../../servers/core/target/cloudflare/cloudflare.ts';
import type { Target } from '../../servers/core/target/target.ts';
import { type AdvanceResult, advanceRelease } from '../../servers/deploy/advance.ts';
import { cutRelease } from '../../servers/deploy/cut.ts';
import { checksOf } from '../../servers/deploy/progress.ts';
import { findRelease, insertRelease, saveRelease } from '../../servers/deploy/queries.ts';
import { type CloudflareEdge, startCloudflareEdge } from '../core/target/cloudflare_edge.ts';
import { ACCOUNT, type CloudflareStub, startCloudflareStub, TOKEN } from '../core/target/cloudflare_stub.ts';
import { versionOf } from '../core/target/cloudflare_version.ts';
import { startFactory } from '../harness.ts';

const HEALTH = JSON.stringify({ seconds: 0, sample: 20, error_rate: 0.2, slow_ms: 20_000, interval_ms: 100 });

interface Cloud {
  services: Services;
  stub: CloudflareStub;
  target: Target;
  edge: CloudflareEdge;
}

/** A factory whose target is the real one over the stub, with versions that answer on this machine. */
async function startCloud(): Promise<Cloud> {
  const stub = await startCloudflareStub();
  const edge = await startCloudflareEdge(() => stub.state);
  onTestFinished(async () => {
    await edge.close();
    await stub.close();
  });
  const { services } = await startFactory({ servers: ['deploy'], realTime: true });
  const budget = { take: async () => 0, pauseUntil: async () => {} };
  const client = cloudflareClient({
    account: ACCOUNT,
    token: async () => TOKEN,
    budget,
    api: stub.url,
    sleep: async () => {},
  });
  const target = openCloudflareTarget({
    client,
    book: storedBook(services.store, 'cloudflare'),
    clock: systemClock,
    addressOf: edge.addressOf,
  });
  for (const kind of ['worker', 'd1'] as const) await target.ensure({ kind, name: 'shop' });
  return { services: { ...services, target: async () => target }, stub, edge, target };
}

/** A release at its preview, of a version with this fetch handler. */
async function cut({ services, target }: Cloud, handler: string, sql: string[]): Promise<number> {
  const row = await services.store.transaction((tx) =>
    insertRelease(tx, {
      product: 'shop',
      target: 'cloudflare',
      commit_id: 'c'.repeat(40),
      pipeline: null,
      task: null,
      created_at: Date.now(),
    }),
  );
  const text = `export default { fetch: ${handler} };\n`;
  const files = [{ path: 'index.js', bytes: Buffer.from(text) }];
  const migrations = sql.map((one, at) => ({ database: 'shop', name: `000${at + 1}.sql`, sql: one }));
  const config = {
    d1: [{ binding: 'DB', database: 'shop' }],
    crons: ['0 3 * * *'],
    secrets: ['KEY'],
  };
  await target.upload(versionOf(row.version, config, { files, migrations, secrets: { KEY: 'v' } }));
  await services.store.transaction((tx) => saveRelease(tx, row.id, { step: 'preview', health: HEALTH }));
  return row.id;
}

/** Takes a release on, as the job does. */
async function advance(services: Services, release: number, signal = new AbortController().signal) {
  const job = { id: 0, session: 'test', services: { ...services, log: () => {} }, signal };
  const { result } = await advanceRelease({ release, to: 'production', role: 'infra' }, job);
  return result as AdvanceResult;
}

/**
 * Takes a release on again and again. The process dies after the first call to Cloudflare, the next one after its
 * second, until one takes a step; then it begins anew with the next step. Returns how often one died.
 */
async function diesEverywhere({ services, stub }: Cloud, release: number): Promise<number> {
  const stepOf = async () => (await findRelease(services.store.db, release))?.step;
  let deaths = 0;
  for (let calls = 1; ; calls += 1) {
    const before = await stepOf();
    const dying = new AbortController();
    const last = stub.calls.length + calls;
    stub.dieAfter(calls);
    stub.onDone((request) => {
      if (request >= last) dying.abort(new Error('killed'));
    });
    const ended = await advance(services, release, dying.signal).catch(() => undefined);
    stub.heal();
    stub.onDone(() => {});
    if (ended) return deaths;
    deaths += 1;
    if ((await stepOf()) !== before) calls = 0;
  }
}

const good = (name: string) => `() => new Response('${name}', { headers: { 'content-type': 'text/plain' } })`;
/** Fails for every third who asks, which its first answers do not show. */
const BAD = `(() => { let n = 0; return () => { n += 1; return new Response('two', { status: n > 4 && n % 3 === 0 ? 500 : 200, headers: { 'content-type': 'text/plain' } }); }; })()`;

/** Answers its first three visitors, who are the look at its preview. */
const LATE = `(() => { let n = 0; return () => { n += 1; return new Response('late', { status: n > 3 ? 500 : 200, headers: { 'content-type': 'text/plain' } }); }; })()`;

test('a release at Cloudflare takes every step, a bad one comes back by its id, and a process that dies between any two calls changes nothing', async () => {
  const cloud = await startCloud();
  const { services, stub, target } = cloud;
  const { db } = services.store;
  const shares = async () => (await target.serving('shop'))?.shares;
  const versionOfRelease = async (id: number) => (await findRelease(db, id))?.version ?? '';

  const first = await cut(cloud, good('one'), ['CREATE TABLE a (id INTEGER)']);
  expect(await advance(services, first)).toMatchObject({ state: 'live', serves: 'R-1' });
  const one = await versionOfRelease(first);
  const worker = stub.state.workers.get('shop');
  if (!worker) throw new Error('no worker');
  const idOf = (at: number) => worker.versions[at]?.id;
  expect((await (await fetch(`${await cloud.edge.addressOf('shop', null)}/`)).text()) === 'one').toBe(true);

  const second = await cut(cloud, BAD, ['CREATE TABLE a (id INTEGER)']);
  expect(await advance(services, second)).toMatchObject({
    state: 'rolled-back',
    serves: 'R-1',
    why: expect.stringMatching(/^canary-10: probes: \d+ of \d+ requests failed, against 0 of/),
  });
  expect(await shares()).toEqual([{ version: one, percent: 100 }]);
  expect(worker.deployments[0]?.versions).toEqual([{ version_id: idOf(1), percentage: 100 }]);

  const sql = ['CREATE TABLE a (id INTEGER)', 'CREATE TABLE b (id INTEGER)'];
  const third = await cut(cloud, good('three'), sql);
  const from = stub.calls.length;
  const deployed = worker.deployments.length;
  const deaths = await diesEverywhere(cloud, third);
  expect(deaths).toBeGreaterThan(12);
  expect(await findRelease(db, third)).toMatchObject({ state: 'live', step: 'production' });
  const row = await findRelease(db, third);
  expect(row && checksOf(row).map(({ step }) => step)).toEqual([
    'staging',
    'canary-10',
    'canary-50',
    'production',
  ]);
  expect(await shares()).toEqual([{ version: row?.version, percent: 100 }]);

  // What the far side saw: every split by explicit ids, each once, and nothing that deploys at once.
  const ids = (percent: number) => [
    { version_id: idOf(1), percentage: 100 - percent },
    { version_id: idOf(3), percentage: percent },
  ];
  expect(
    worker.deployments.slice(0, worker.deployments.length - deployed).map((one) => one.versions),
  ).toEqual([[{ version_id: idOf(3), percentage: 100 }], ids(50), ids(10)]);
  const made = stub.calls.filter(({ call, status }) => !call.startsWith('GET') && status === 200);
  const during = stub.calls.slice(from).filter((one) => made.includes(one));
  expect(
    during.filter(({ call }) => call.startsWith('PUT /workers/scripts/shop')).map(({ call }) => call),
  ).toEqual([]);
  expect(made.filter(({ call }) => call === 'POST /workers/scripts/shop/versions')).toHaveLength(3);
  expect(made.filter(({ call }) => call === 'PUT /workers/scripts/shop')).toHaveLength(1);
  expect(made.filter(({ call }) => call === 'PUT /workers/scripts/shop/schedules')).toHaveLength(1);
  const notes = stub.state.d1.get('shop')?.db.prepare('SELECT name FROM d1_migrations').all();
  expect(notes).toEqual([{ name: '0001.sql' }, { name: '0002.sql' }]);
  expect(worker.versions).toHaveLength(4);
}, 60_000);

const appliedPlan = (resources: { kind: string; name: string }[]) => ({
  product: 'shop',
  target: 'cloudflare',
  body: '{}',
  digest: '',
  state: 'applied' as const,
  task: null,
  pipeline: null,
  agent: 'infra',
  root: 'root',
  created_at: 0,
  result: JSON.stringify({ resources }),
});

test('a first release that is not healthy gives a Worker back to what somebody else served with it', async () => {
  const { services, stub, target } = await startCloud();
  const worker = stub.state.workers.get('shop');
  const foreign = '0b4f3f5e-6a7e-4d58-9a3c-3f2f6d1c9a01';
  const text = `export default { fetch: ${good('theirs')} };`;
  worker?.versions.push({ id: foreign, tag: '', bindings: [], files: { 'index.js': text }, annotations: {} });
  worker?.deployments.unshift({ id: 'd', versions: [{ version_id: foreign, percentage: 100 }] });
  const config = { name: 'shop', main: 'index.js', compatibility_date: '2026-01-01' };
  const authority = await createAuthority(services.paths.git, {
    initial: [
      { path: 'wrangler.json', content: JSON.stringify(config) },
      { path: 'index.js', content: `export default { fetch: ${LATE} };` },
    ],
    message: 'Start',
    at: new Date(),
  });
  const commit_id = await headOfMain(authority);
  const row = await services.store.transaction(async (tx) => {
    await tx
      .insertInto('plans')
      .values(appliedPlan([{ kind: 'worker', name: 'shop' }]))
      .execute();
    const of = { product: 'shop', target: 'cloudflare', commit_id, pipeline: null, task: null };
    return insertRelease(tx, { ...of, created_at: Date.now() });
  });
  const job = { id: 0, session: 'test', services, signal: new AbortController().signal };
  expect(await cutRelease({ release: row.id, plan: 1, role: 'infra' }, job)).toMatchObject({
    result: { state: 'preview' },
  });
  expect(await advance(services, row.id)).toMatchObject({
    state: 'rolled-back',
    serves: null,
    why: expect.stringMatching(/^production: GET \/: the server failed/),
  });
  expect((await target.serving('shop'))?.shares).toEqual([{ version: foreign, percent: 100 }]);
  const [, last] = checksOf((await findRelease(services.store.db, row.id)) ?? { checks: null }).slice(-2);
  expect(last?.evidence).toMatchObject({ back: 'verified' });
}, 60_000);

test('the signed factory file says where Workers answer instead of workers.dev', async () => {
  const stub = await startCloudflareStub();
  onTestFinished(() => stub.close());
  const addresses = { worker: 'https://{worker}.acme.test', version: 'https://{version}-{worker}.acme.test' };
  const { services } = await startFactory({
    servers: ['deploy'],
    change: (file) =>
      Object.assign(file, { targets: { cloudflare: { account: ACCOUNT, api: stub.url, addresses } } }),
  });
  await storedBook(services.store, 'cloudflare').add(versionOf('R1'), 0);
  await storedBook(services.store, 'cloudflare').setRemote('shop', 'R1', 'abc');
  const target = await services.target('cloudflare');
  expect(await target.previewUrl('shop', 'R1')).toBe('https://abc-shop.acme.test');
  expect(stub.calls).toEqual([]);
});
