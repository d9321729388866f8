import { expect, test } from 'vitest';
import { startFactory } from '../harness.ts';
import { create, leave } from './stage.ts';

test('shows what a task asks, who holds it and what it left', async () => {
  const factory = await startFactory({ servers: ['tasks'] });
  const ceo = await factory.agent('ceo');
  const task = await create(ceo, 'developer', { description: 'The whole of it.' });
  expect(await ceo.ok('task_show', { task })).toMatchObject({ state: 'ready', holder: null, artifacts: [] });

  await (await factory.agent('developer-2')).ok('task_checkout');
  await leave(factory, 'developer-2', 'notes', 'Some notes.');

  expect(await ceo.ok('task_show', { task })).toEqual({
    task,
    title: 'Ship it',
    description: 'The whole of it.',
    criteria: ['It answers'],
    stops: ['It does not start'],
    role: 'developer',
    state: 'active',
    round: 1,
    pipeline: null,
    phase: null,
    holder: 'developer-2',
    outcome: null,
    artifacts: [{ artifact: 'A-1', name: 'notes', size: 11, by: 'developer-2' }],
  });
  expect((await ceo.call('task_show', { task: 'T-9' })).text).toMatch(/^NOT_FOUND: No task T-9/);
});
