import { expect, test } from 'vitest';
import { startFactory } from '../harness.ts';
import { create } from './stage.ts';

test('notes on the held task enter the record, with who wrote them', async () => {
  const factory = await startFactory({ servers: ['tasks'] });
  const ceo = await factory.agent('ceo');
  const task = await create(ceo, 'developer');
  const developer = await factory.agent('developer');

  expect((await developer.call('activity_log', { note: 'Chose D1.' })).text).toMatch(
    /^CONFLICT: You hold no task/,
  );
  await developer.ok('task_checkout');
  expect(await developer.ok('activity_log', { note: 'Chose D1.' })).toEqual({ task });

  const row = await factory.services.store.db
    .selectFrom('activity')
    .selectAll()
    .orderBy('seq', 'desc')
    .executeTakeFirstOrThrow();
  expect(row).toMatchObject({ agent: 'developer', tool: 'activity_log', subject: 'task:1' });
  expect(row.body).toContain('Chose D1.');
});
