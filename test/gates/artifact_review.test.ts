import { expect, test } from 'vitest';
import { startFactory } from '../harness.ts';
import { refusedRules, worker } from './site.ts';

const servers = ['tasks', 'gates'];

test('binds a verdict to the digest of what was judged', async () => {
  const factory = await startFactory({ servers });
  const trend = await worker(factory, 'trend');
  const { digest } = await trend.ok<{ digest: string }>('artifact_put', { name: 'brief', body: 'score: 31' });
  const ceo = await worker(factory, 'ceo');

  const review = await ceo.ok('artifact_review', {
    artifact: 'A-1',
    verdict: 'accept',
    reasons: 'It carries',
  });

  expect(review).toEqual({ artifact: 'A-1', verdict: 'accept', digest });
  const row = await factory.services.store.db.selectFrom('reviews').selectAll().executeTakeFirstOrThrow();
  expect(row).toMatchObject({
    subject: 'artifact',
    target: 1,
    digest,
    verdict: 'accept',
    agent: 'ceo',
    task: 2,
  });
});

test('nobody judges their own artifact, neither as the same agent nor through another role of one root', async () => {
  const factory = await startFactory({ servers });
  const { db } = factory.services.store;
  const ceo = await worker(factory, 'ceo');
  await ceo.ok('artifact_put', { name: 'brief', body: 'Mine' });
  const own = await ceo.call('artifact_review', { artifact: 'A-1', verdict: 'accept', reasons: 'Good' });
  const cto = await worker(factory, 'cto');
  const { root } = await db.selectFrom('artifacts').select('root').executeTakeFirstOrThrow();
  await db.updateTable('sessions').set({ root }).where('agent', '=', 'cto').execute();
  const sibling = await cto.call('artifact_review', { artifact: 'A-1', verdict: 'accept', reasons: 'Good' });

  expect(own.text).toMatch(/^FORBIDDEN: A-1 is your own work/);
  expect(sibling.text).toMatch(/^FORBIDDEN: A-1 is your own work/);
  expect(await refusedRules(factory)).toEqual(['review.self artifact_review', 'review.self artifact_review']);
  expect(await db.selectFrom('reviews').selectAll().execute()).toEqual([]);
});
