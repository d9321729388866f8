import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { expect, onTestFinished, test } from 'vitest';
import { releaseCommit } from '../../cli/ship/release.ts';
import { openServices } from '../../servers/core/open.ts';
import { openSecretKey } from '../../servers/core/secrets/key.ts';
import { setSecret } from '../../servers/core/secrets/secrets.ts';
import type { Services } from '../../servers/core/services.ts';
import { type Hold, holdFreeProduct, holdProduct, NotHeld } from '../../servers/deploy/hold.ts';
import deploy from '../../servers/deploy/index.ts';
import { checksOf, keepStep, recordIntent } from '../../servers/deploy/progress.ts';
import { findRelease, insertRelease, saveRelease } from '../../servers/deploy/queries.ts';
import { startCloudflareEdge } from '../core/target/cloudflare_edge.ts';
import { ACCOUNT, startCloudflareStub, TOKEN } from '../core/target/cloudflare_stub.ts';
import { versionOf } from '../core/target/cloudflare_version.ts';
import { startFactory } from '../harness.ts';

const HEALTH = JSON.stringify({ seconds: 0, sample: 20, error_rate: 0.2, slow_ms: 20_000, interval_ms: 100 });
const BEAT_SECONDS = 0.5;
const never = new AbortController().signal;

const server = (path: string) => JSON.stringify(import.meta.resolve(`../../servers/${path}`));
const PROCESS = `
  import { openServices } from ${server('core/open.ts')};
  import deploy from ${server('deploy/index.ts')};
  const services = await openServices(process.argv[1], { jobs: deploy.jobs });
  services.jobs.kick();
  setInterval(() => {}, 1000);`;

async function startCloud() {
  const stub = await startCloudflareStub();
  const edge = await startCloudflareEdge(() => stub.state);
  onTestFinished(async () => {
    await edge.close();
    await stub.close();
  });
  const { services, home } = await startFactory({
    servers: ['tasks'],
    realTime: true,
    change: (file: Record<string, unknown>) => {
      file.lease = { beat: BEAT_SECONDS };
      file.targets = { cloudflare: { account: ACCOUNT, api: stub.url, addresses: edge.addresses } };
    },
  });
  const key = await openSecretKey(services.paths.keys);
  const of = { product: '', target: 'cloudflare', name: 'CLOUDFLARE_API_TOKEN' };
  await services.store.transaction((tx) => setSecret(tx, key, of, TOKEN, Date.now()));
  return { services, home, stub };
}

/** A release at its preview; its product has one Worker of the same name. */
async function cut(services: Services, product: string): Promise<number> {
  const target = await services.target('cloudflare');
  await target.ensure({ kind: 'worker', name: product });
  const row = await services.store.transaction((tx) =>
    insertRelease(tx, {
      product,
      target: 'cloudflare',
      commit_id: 'c'.repeat(40),
      pipeline: null,
      task: null,
      created_at: Date.now(),
    }),
  );
  const text = `export default { fetch: () => new Response('${row.version}', { headers: { 'content-type': 'text/plain' } }) };`;
  const files = [{ path: 'index.js', bytes: Buffer.from(text) }];
  await target.upload({ ...versionOf(row.version, { name: product }, { files }), product });
  await services.store.transaction((tx) => saveRelease(tx, row.id, { step: 'preview', health: HEALTH }));
  return row.id;
}

const enqueue = (services: Services, release: number, role = 'infra') =>
  services.store.transaction((tx) =>
    services.jobs.enqueue(tx, 'release.advance', { release, to: 'production', role }, 'test', Date.now()),
  );

test('a process that stands still beyond its lease takes the release no further when it wakes, and other products go on meanwhile', async () => {
  const { services, home, stub } = await startCloud();
  const { db } = services.store;
  const opened = await openServices(home, { jobs: deploy.jobs, log: () => {} });
  onTestFinished(() => opened.close());
  const first = await cut(services, 'shop');
  expect(await opened.jobs.wait(await enqueue(services, first), 20_000)).toMatchObject({
    result: { state: 'live' },
  });
  await opened.jobs.stop();

  const second = await cut(services, 'shop');
  const job = await enqueue(services, second);
  const child = execa(process.execPath, ['--input-type=module', '--eval', PROCESS, home], { reject: false });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await child;
  });
  await new Promise<void>((stopped) => {
    stub.onDone(() => {
      const last = stub.calls.at(-1);
      if (!last?.call.startsWith('POST') || !last.call.endsWith('/deployments')) return;
      child.kill('SIGSTOP');
      stub.onDone(() => {});
      stopped();
    });
  });
  // The job of the stopped process stays its own: only its hold on the product ends.
  const later = { ends_at: Date.now() + 3_600_000 };
  await db.updateTable('leases').set(later).where('kind', '=', 'job').where('subject', '=', job).execute();
  expect(await findRelease(db, second)).toMatchObject({ state: 'cutting', step: 'staging' });
  const held = await db
    .selectFrom('leases')
    .selectAll()
    .where('kind', '=', 'release')
    .executeTakeFirstOrThrow();
  expect(held).toMatchObject({ subject: first, holder: expect.stringMatching(/^process:/) });

  const other = await openServices(home, { jobs: deploy.jobs, log: () => {} });
  onTestFinished(() => other.close());
  const cafe = await enqueue(services, await cut(services, 'cafe'));
  expect(await other.jobs.wait(cafe, 20_000)).toMatchObject({ result: { state: 'live' } });
  const again = await enqueue(services, second, 'human');
  expect(await other.jobs.wait(again, 20_000)).toMatchObject({ result: { state: 'live' } });
  const writes = stub.writes().length;
  const before = await findRelease(db, second);

  child.kill('SIGCONT');
  await sleep(1_500);
  expect(stub.writes()).toHaveLength(writes);
  expect(await findRelease(db, second)).toEqual(before);
  expect(before && checksOf(before).map(({ step }) => step)).toEqual([
    'staging',
    'canary-10',
    'canary-50',
    'production',
  ]);
  const steps = await db
    .selectFrom('activity')
    .select('body')
    .where('subject', '=', `release:${second}`)
    .where('event', '=', 'release.intent')
    .where('body', 'like', '%canary-10%')
    .execute();
  const fences = steps.map(({ body }) => JSON.parse(body ?? '{}').fence as number);
  expect(fences).toEqual([held.fence, held.fence + 1]);
  const budgets = await db.selectFrom('rate_budgets').select('name').execute();
  expect(budgets).toEqual([{ name: `cloudflare ${ACCOUNT}` }]);
}, 60_000);

test('a person begins no second release beside one that is under way', async () => {
  const { services } = await startCloud();
  const id = await cut(services, 'shop');
  const other = { product: 'shop', target: 'cloudflare', commit: 'd'.repeat(40), bundle: '', plan: 1 };
  const io = { json: true, progress: () => {}, line: () => {} };

  await expect(releaseCommit(io, services, other)).rejects.toMatchObject({
    code: 'BUSY',
    message: 'R-1 of shop is under way, with the commit cccccccccccc.',
    remedy: expect.stringContaining('millwright releases resume'),
  });

  const rows = await services.store.db.selectFrom('releases').select(['id', 'state']).execute();
  expect(rows).toEqual([{ id, state: 'cutting' }]);
});

test('who lost a product changes nothing more at its target or in its row, and frees nobody else', async () => {
  const { services, stub } = await startCloud();
  const id = await cut(services, 'shop');
  const release = await findRelease(services.store.db, id);
  if (!release) throw new Error('no release');
  const target = await services.target('cloudflare');
  const writes = stub.writes().length;

  const goOn = Promise.withResolvers<void>();
  const taken = Promise.withResolvers<Hold>();
  const first = holdProduct(services, release, never, async (hold) => {
    taken.resolve(hold);
    await goOn.promise;
    hold.signal.throwIfAborted();
  });
  const old = await taken.promise;
  const lost = { holder: null, ends_at: 0 };
  await services.store.db.updateTable('leases').set(lost).where('kind', '=', 'release').execute();
  await holdProduct(services, release, never, async (now) => {
    expect(now.fence).toBe(old.fence + 1);
    const stale = old.fenced(target);
    const finding = { healthy: true, why: '', evidence: {} };
    for (const act of [
      () => stale.upload(versionOf(release.version)),
      () => stale.split('shop', [{ version: release.version, percent: 100 }]),
      () => stale.migrate('shop', release.version),
      () => stale.retire('shop'),
      () => keepStep({ services, session: 'test', hold: old }, release, 'staging', finding),
      () => recordIntent({ services, session: 'test', hold: old }, release, 'staging'),
    ])
      await expect(act()).rejects.toThrow(NotHeld);
    goOn.resolve();
    await expect(first).rejects.toThrow(NotHeld);
    await expect(holdFreeProduct(services, release, never, async () => {})).rejects.toMatchObject({
      rule: 'release.busy',
    });
    await now.check();
  });

  expect(stub.writes()).toHaveLength(writes);
  expect(await findRelease(services.store.db, id)).toEqual(release);
});

const HOLDS = `
  import { openServices } from ${server('core/open.ts')};
  import { holdProduct } from ${server('deploy/hold.ts')};
  const services = await openServices(process.argv[1], { log: () => {} });
  const release = { product: 'shop', target: 'local' };
  await holdProduct(services, release, new AbortController().signal, async ({ fence }) => {
    console.log(fence);
    await new Promise(() => setInterval(() => {}, 1000));
  });`;

test('the hold of a process that is surely dead is free at once, under a higher fence; any other is waited for', async () => {
  const { services, home } = await startFactory({ servers: ['tasks'], realTime: true });
  const { db } = services.store;
  const release = { product: 'shop', target: 'local' };
  const row = { ...release, commit_id: 'c'.repeat(40), pipeline: null, task: null, created_at: 0 };
  await services.store.transaction((tx) => insertRelease(tx, row));
  const child = execa(process.execPath, ['--input-type=module', '--eval', HOLDS, home], { reject: false });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await child;
  });
  const fence = Number(await new Promise((said) => child.stdout.once('data', said)));
  const taken = () => holdFreeProduct(services, release, never, async (hold) => hold.fence);
  await expect(taken()).rejects.toMatchObject({ rule: 'release.busy' });

  child.kill('SIGKILL');
  await child;
  const held = db.selectFrom('leases').select(['holder', 'ends_at']).where('kind', '=', 'release');
  const { holder, ends_at } = await held.executeTakeFirstOrThrow();
  expect(ends_at - Date.now()).toBeGreaterThan(20_000);
  const [, , ...rest] = String(holder).split(':');
  for (const other of [['process', '0'.repeat(16), ...rest].join(':'), 'process:of-another-kind']) {
    await db.updateTable('leases').set({ holder: other }).where('kind', '=', 'release').execute();
    await expect(taken()).rejects.toMatchObject({ rule: 'release.busy' });
  }
  await db.updateTable('leases').set({ holder }).where('kind', '=', 'release').execute();
  expect(await taken()).toBe(fence + 1);
  const ended = db.selectFrom('activity').select('why').where('event', '=', 'lease.expired');
  expect(await ended.execute()).toEqual([{ why: `held by ${holder} under fence ${fence}` }]);
});
