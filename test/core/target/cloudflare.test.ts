import { expect, test } from 'vitest';
import { startAccount } from './cloudflare_account.ts';
import { versionOf } from './cloudflare_version.ts';

const WORKER = { kind: 'worker', name: 'shop' } as const;
const DATABASE = { kind: 'd1', name: 'shop' } as const;
const migration = (name: string, sql: string) => ({ database: 'shop', name, sql });

test('a product is made, uploaded, split, put back by its id, and taken down', async () => {
  const { stub, target } = await startAccount();
  for (const kind of ['worker', 'd1', 'kv', 'r2', 'queue'] as const)
    expect(await target.ensure({ kind, name: 'shop' })).toMatchObject({ created: true });
  const made = stub.writes();
  for (const kind of ['worker', 'd1', 'kv', 'r2', 'queue'] as const)
    expect(await target.ensure({ kind, name: 'shop' })).toMatchObject({ created: false });
  expect(stub.writes()).toEqual(made);
  expect((await target.resources()).map(({ kind }) => kind)).toEqual(['d1', 'kv', 'queue', 'r2', 'worker']);

  const one = versionOf(
    'R1-a',
    {
      d1: [{ binding: 'DB', database: 'shop' }],
      kv: [{ binding: 'KV', namespace: 'shop' }],
      r2: [{ binding: 'FILES', bucket: 'shop' }],
      queues: { producers: [{ binding: 'MAIL', queue: 'shop' }], consumers: [{ queue: 'shop' }] },
      crons: ['0 * * * *'],
      durableObjects: [{ binding: 'ROOM', className: 'Room', sqlite: true }],
      assets: { binding: 'ASSETS', notFound: '404-page', runWorkerFirst: false },
      secrets: ['KEY'],
      vars: { MODE: 'live' },
    },
    {
      secrets: { KEY: 'canary-5e1f' },
      migrations: [migration('0001.sql', 'CREATE TABLE notes (id INTEGER);')],
      files: [
        { path: 'index.js', bytes: Buffer.from('export class Room {}; export default {};') },
        { path: 'assets/index.html', bytes: Buffer.from('<p>Shop</p>') },
        { path: 'assets/_headers', bytes: Buffer.from('/*\n  X-Frame-Options: DENY\n') },
      ],
    },
  );
  await target.upload(one);
  await target.upload(one);
  const worker = stub.state.workers.get('shop');
  expect(worker?.versions.at(-1)).toMatchObject({
    bindings: [
      { type: 'd1', name: 'DB', id: stub.state.d1.get('shop')?.uuid },
      { type: 'kv_namespace', namespace_id: stub.state.kv.get('shop') },
      { type: 'r2_bucket', bucket_name: 'shop' },
      { type: 'queue', queue_name: 'shop' },
      { type: 'durable_object_namespace', class_name: 'Room' },
      { type: 'assets', name: 'ASSETS' },
      { type: 'plain_text', name: 'MODE', text: 'live' },
      { type: 'secret_text', name: 'KEY', text: 'canary-5e1f' },
    ],
    files: { 'index.js': expect.any(String) },
    assets: {
      not_found_handling: '404-page',
      run_worker_first: false,
      _headers: '/*\n  X-Frame-Options: DENY\n',
    },
  });
  expect(stub.state.assets.size).toBe(1);
  expect(stub.writes().filter((call) => call.endsWith('/versions'))).toHaveLength(1);
  expect(await target.serving('shop')).toBeNull();
  expect(await target.previewUrl('shop', 'R1-a')).toMatch(/^https:\/\/[0-9a-f]{8}-shop\.acme\.workers\.dev$/);

  expect(await target.migrate('shop', 'R1-a')).toEqual(['0001.sql']);
  expect(await target.migrate('shop', 'R1-a')).toEqual([]);
  expect(await target.split('shop', [{ version: 'R1-a', percent: 100 }])).toEqual({
    url: 'https://shop.acme.workers.dev',
  });
  expect(worker?.schedules).toEqual([{ cron: '0 * * * *' }]);
  expect(stub.state.queues.get('shop')?.consumers).toMatchObject([{ script: 'shop' }]);

  await target.upload(versionOf('R2-b'));
  const canary = [
    { version: 'R2-b', percent: 10 },
    { version: 'R1-a', percent: 90 },
  ];
  await target.split('shop', canary);
  expect((await target.serving('shop'))?.shares).toEqual(canary);
  const before = stub.writes();
  await target.split('shop', canary);
  expect(stub.writes()).toEqual(before);

  await target.retire('shop');
  expect(await target.serving('shop')).toBeNull();
  expect(worker?.schedules).toEqual([]);
  for (const resource of await target.resources()) await target.remove(resource);
  for (const kind of ['d1', 'kv'] as const)
    await target.remove({ kind, name: 'gone', id: 'gone', createdAt: 0 });
  expect(await target.resources()).toEqual([]);
});

test('trap: an empty secret, a missing one and one that nobody asked for are refused before any call', async () => {
  const { stub, target } = await startAccount();
  await target.ensure(WORKER);
  const calls = stub.calls.length;
  for (const secrets of [{ KEY: '' }, {}, { KEY: 'a', OTHER: 'b' }])
    await expect(target.upload(versionOf('R1', { secrets: ['KEY'] }, { secrets }))).rejects.toMatchObject({
      code: 'GATE_CLOSED',
      rule: 'release.secret',
    });
  expect(stub.calls).toHaveLength(calls);
});

test('trap: a Worker that is missing or misspelt is never created by an upload or its secrets', async () => {
  const { stub, target } = await startAccount();
  const version = versionOf('R1', { name: 'shpo', secrets: ['KEY'] }, { secrets: { KEY: 'v' } });
  await expect(target.upload(version)).rejects.toMatchObject({ code: 'CONFLICT', rule: 'infra.missing' });
  expect(stub.state.workers.size).toBe(0);
  expect(stub.writes()).toEqual([]);
});

test('trap: a release during a canary changes no traffic, and a rollback names its version', async () => {
  const { stub, target } = await startAccount();
  await target.ensure(WORKER);
  const worker = stub.state.workers.get('shop');
  for (const name of ['R1', 'R2', 'R3']) await target.upload(versionOf(name));
  await target.split('shop', [{ version: 'R1', percent: 100 }]);
  await target.split('shop', [
    { version: 'R2', percent: 10 },
    { version: 'R1', percent: 90 },
  ]);
  const during = worker?.deployments[0];
  await target.ensure(WORKER);
  await target.upload(versionOf('R4'));
  expect(worker?.deployments[0]).toBe(during);
  expect(stub.calls.filter(({ call }) => call.startsWith('PUT /workers/scripts'))).toHaveLength(1);

  await target.split('shop', [{ version: 'R1', percent: 100 }]);
  await target.split('shop', [{ version: 'R1', percent: 100 }]);
  expect((await target.serving('shop'))?.shares).toEqual([{ version: 'R1', percent: 100 }]);
  for (const { call, body } of stub.calls)
    if (call.startsWith('POST') && call.endsWith('/deployments'))
      expect(body).toMatchObject({
        versions: expect.arrayContaining([
          { version_id: expect.any(String), percentage: expect.any(Number) },
        ]),
      });
  await expect(target.split('shop', [{ version: 'R9', percent: 100 }])).rejects.toMatchObject({
    code: 'NOT_FOUND',
  });
  for (const shares of [
    [],
    [{ version: 'R1', percent: 90 }],
    [
      { version: 'R1', percent: 50 },
      { version: 'R1', percent: 50 },
    ],
  ])
    await expect(target.split('shop', shares)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
});

test('trap: an orphan is found by its tag and used; a name is never taken for other bytes or another product', async () => {
  const { stub, target, store } = await startAccount();
  await target.ensure(WORKER);
  await target.upload(versionOf('R1'));
  await store.db.updateTable('target_versions').set({ remote: null }).execute();
  await target.upload(versionOf('R1'));
  expect(stub.state.workers.get('shop')?.versions).toHaveLength(2);
  const files = [{ path: 'index.js', bytes: Buffer.from('export default {}') }];
  await expect(target.upload(versionOf('R1', {}, { files }))).rejects.toMatchObject({ rule: 'release.name' });
  await expect(target.upload({ ...versionOf('R2'), product: 'other' })).rejects.toMatchObject({
    rule: 'release.name',
  });
});

test("trap: what exists is adopted with its data, and somebody else's version can be put back", async () => {
  const { stub, target } = await startAccount();
  await target.ensure(DATABASE);
  await target.ensure(WORKER);
  const database = stub.state.d1.get('shop');
  database?.db.exec("CREATE TABLE kept (id TEXT); INSERT INTO kept VALUES ('here')");
  stub.fault({
    match: /GET \/d1/,
    status: 200,
    body: JSON.stringify({ success: true, errors: [], result: [] }),
  });
  expect(await target.ensure(DATABASE)).toMatchObject({ created: false, resource: { id: database?.uuid } });
  expect(database?.db.prepare('SELECT * FROM kept').all()).toHaveLength(1);

  const worker = stub.state.workers.get('shop');
  const foreign = '0b4f3f5e-6a7e-4d58-9a3c-3f2f6d1c9a01';
  worker?.versions.push({ id: foreign, tag: '', bindings: [], files: {}, annotations: {} });
  worker?.deployments.unshift({ id: 'd', versions: [{ version_id: foreign, percentage: 100 }] });
  await target.upload(versionOf('R1'));
  expect((await target.serving('shop'))?.shares).toEqual([{ version: foreign, percent: 100 }]);
  await target.split('shop', [{ version: 'R1', percent: 100 }]);
  await target.split('shop', [{ version: foreign, percent: 100 }]);
  expect(worker?.deployments[0]?.versions).toEqual([{ version_id: foreign, percentage: 100 }]);
});

test('a migration is one whole, is asked for when its answer is lost, and its failure names the file', async () => {
  const { stub, target } = await startAccount();
  await target.ensure(WORKER);
  await target.ensure(DATABASE);
  const migrations = [
    migration('0001.sql', 'CREATE TABLE a (id INTEGER)'),
    migration("0002_it's.sql", 'CREATE TABLE b (id INTEGER);\nINSERT INTO b VALUES (1);'),
  ];
  await target.upload(versionOf('R1', {}, { migrations }));
  let sent = 0;
  stub.fault({
    match: { test: (call: string) => call.includes('query') && ++sent === 4 } as unknown as RegExp,
    how: 'cut',
  });
  expect(await target.migrate('shop', 'R1')).toEqual(['0001.sql', "0002_it's.sql"]);
  expect(stub.state.d1.get('shop')?.db.prepare('SELECT * FROM b').all()).toHaveLength(1);

  const bad = migration('0003.sql', 'CREATE TABLE c (id INTEGER); SELECT nothing FROM nowhere');
  await target.upload(versionOf('R2', {}, { migrations: [...migrations, bad] }));
  await expect(target.migrate('shop', 'R2')).rejects.toMatchObject({
    rule: 'release.migration',
    message: expect.stringContaining('0003.sql'),
  });
  expect(
    stub.state.d1.get('shop')?.db.prepare("SELECT name FROM sqlite_master WHERE name = 'c'").all(),
  ).toEqual([]);
});
