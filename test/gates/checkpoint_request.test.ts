import { expect, test } from 'vitest';
import { startFactory, type TestFactory } from '../harness.ts';
import { refusedRules, stepWorker, worker } from './site.ts';

const servers = ['tasks', 'gates'];
const STEP = { writes: ['positioning'], checkpoint: { name: 'launch', artifact: 'positioning' } };
const ask = { name: 'launch', title: 'Do we launch?', artifact: 'A-1' };
type Asked = { checkpoint: string; state: string; digest: string; expires_at: string };

const put = (body: string) => ({ name: 'positioning', body });
const states = async (factory: TestFactory) =>
  (await factory.services.store.db.selectFrom('checkpoints').select('state').orderBy('id').execute()).map(
    ({ state }) => state,
  );

test('opens one question for one document, however often it is asked', async () => {
  const factory = await startFactory({ servers });
  const cmo = await stepWorker(factory, 'cmo', STEP);
  const { digest } = await cmo.ok<{ digest: string }>('artifact_put', put('Kind words'));

  const first = await cmo.ok<Asked>('checkpoint_request', ask);
  const again = await cmo.ok<Asked>('checkpoint_request', { ...ask, title: 'Really?' });

  expect(first).toEqual({
    checkpoint: 'C-1',
    name: 'launch',
    state: 'open',
    digest,
    expires_at: '2026-01-04T00:00:00.000Z',
  });
  expect(again).toEqual(first);
  const row = await factory.services.store.db.selectFrom('checkpoints').selectAll().executeTakeFirstOrThrow();
  expect(row.nonce).toMatch(/^[0-9a-f]{32}$/);
  expect(row).toMatchObject({ title: 'Do we launch?', requested_by: 'cmo' });
});

test('a changed document voids the open question; an unanswered one lapses', async () => {
  const factory = await startFactory({ servers });
  const cmo = await stepWorker(factory, 'cmo', STEP);
  await cmo.ok('artifact_put', put('Kind words'));
  await cmo.ok('checkpoint_request', ask);
  await cmo.ok('artifact_put', put('Kinder words'));

  const outdated = await cmo.call('checkpoint_request', ask);
  const second = await cmo.ok<Asked>('checkpoint_request', { ...ask, artifact: 'A-2' });
  const end = Date.parse(second.expires_at) - factory.clock.now();
  await factory.services.store.db
    .updateTable('leases')
    .set({ ends_at: factory.clock.now() + 2 * end })
    .execute();
  await factory.services.store.db
    .updateTable('sessions')
    .set({ expires_at: factory.clock.now() + 2 * end })
    .execute();
  factory.clock.advance(end);
  const third = await cmo.ok<Asked>('checkpoint_request', { ...ask, artifact: 'A-2' });

  expect(outdated.text).toMatch(/^CONFLICT: A-1 is not the newest "positioning"/);
  expect([second.checkpoint, third.checkpoint]).toEqual(['C-2', 'C-3']);
  expect(await states(factory)).toEqual(['void', 'expired', 'open']);
});

test('in a pipeline only what the step names can be asked', async () => {
  const factory = await startFactory({ servers });
  const other = await worker(factory, 'trend');
  await other.ok('artifact_put', put('Theirs'));
  const cmo = await stepWorker(factory, 'cmo', { ...STEP, writes: ['positioning', 'notes'] });
  await cmo.ok('artifact_put', { name: 'notes', body: 'Notes' });
  await cmo.ok('artifact_put', put('Kind words'));

  const asked = [
    await cmo.call('checkpoint_request', { ...ask, name: 'product-spec', artifact: 'A-3' }),
    await cmo.call('checkpoint_request', { ...ask, artifact: 'A-2' }),
    await cmo.call('checkpoint_request', { ...ask, artifact: 'A-1' }),
    await cmo.call('checkpoint_request', { ...ask, artifact: 'A-9' }),
  ];

  for (const { text } of asked)
    expect(text).toMatch(/^FORBIDDEN: T-2 asks for "launch" over the artifact "positioning"/);
  expect(await refusedRules(factory)).toEqual(['checkpoint.name checkpoint_request']);
  expect(await states(factory)).toEqual([]);
});

test('no tool decides: what looks for one finds nothing', async () => {
  const factory = await startFactory({ servers });
  const ceo = await worker(factory, 'ceo');

  const { tools } = await ceo.client.listTools();
  const tried = await ceo.call('checkpoint_approve', { checkpoint: 'C-1' });

  expect(tools.map(({ name }) => name).filter((name) => name.startsWith('checkpoint_'))).toEqual([
    'checkpoint_request',
    'checkpoint_status',
  ]);
  expect(tried.text).toMatch(/^NOT_FOUND: There is no tool checkpoint_approve/);
  expect(await refusedRules(factory)).toEqual(['tool.unknown checkpoint_approve']);
});
