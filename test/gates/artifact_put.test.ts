import { expect, test } from 'vitest';
import { sha256Hex } from '../../servers/core/signing/canonical.ts';
import { startFactory } from '../harness.ts';
import { refusedRules, stepWorker, worker } from './site.ts';

const servers = ['tasks', 'gates'];

test('attaches a document to the held task, under its digest and fence', async () => {
  const factory = await startFactory({ servers });
  const trend = await worker(factory, 'trend');
  const body = '# Brief\n\nscore: 31\n';

  const put = await trend.ok('artifact_put', { name: 'brief', body });

  expect(put).toEqual({ artifact: 'A-1', name: 'brief', digest: sha256Hex(body), size: body.length });
  const row = await factory.services.store.db.selectFrom('artifacts').selectAll().executeTakeFirstOrThrow();
  expect(row).toMatchObject({ task: 1, fence: 1, agent: 'trend', media: 'text/markdown', body });
});

test('takes no document from an agent that holds no task, or no longer', async () => {
  const factory = await startFactory({ servers });
  const trend = await worker(factory, 'trend');
  const idle = await factory.agent('qa');
  const { db } = factory.services.store;

  expect((await idle.call('artifact_put', { name: 'brief', body: 'x' })).text).toMatch(
    /^CONFLICT: You hold no task/,
  );
  await db
    .updateTable('leases')
    .set({ ends_at: factory.clock.now() - 1 })
    .execute();
  expect((await trend.call('artifact_put', { name: 'brief', body: 'x' })).text).toMatch(/^LEASE_LOST/);

  expect(await db.selectFrom('artifacts').selectAll().execute()).toEqual([]);
});

test('in a pipeline takes only the names the step leaves', async () => {
  const factory = await startFactory({ servers });
  const trend = await stepWorker(factory, 'trend', { writes: ['brief'] });

  const other = await trend.call('artifact_put', { name: 'spec', body: 'Mine' });

  expect(other.text).toBe(
    'FORBIDDEN: T-1 leaves "brief", not "spec".\nNext: Call artifact_put again, named "brief".',
  );
  expect(await refusedRules(factory)).toEqual(['artifact.name artifact_put']);
  await trend.ok('artifact_put', { name: 'brief', body: 'score: 31' });
});

test.each([
  [
    'no JSON under media application/json',
    { name: 'plan', media: 'application/json', body: '{' },
    /body: is not JSON/,
  ],
  ['a body that is too long', { name: 'plan', body: 'x'.repeat(200_001) }, /body: Too big/],
  ['half a surrogate pair', { name: 'plan', body: '\ud800' }, /characters that no text has/],
  ['a NUL', { name: 'plan', body: 'a\0b' }, /characters that no text has/],
  ['a name that is a path', { name: '../plan', body: 'x' }, /lower case letters/],
])('refuses %s', async (_what, document, why) => {
  const factory = await startFactory({ servers });
  const trend = await worker(factory, 'trend');

  const refused = await trend.call('artifact_put', document);

  expect(refused.text).toMatch(/^INVALID_INPUT/);
  expect(refused.text).toMatch(why);
  expect(await factory.services.store.db.selectFrom('artifacts').selectAll().execute()).toEqual([]);
});
