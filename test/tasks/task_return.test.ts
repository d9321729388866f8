import { expect, test } from 'vitest';
import { startFactory } from '../harness.ts';
import { create, sessionOf, states } from './stage.ts';

test('another agent takes a returned task under a higher fence', async () => {
  const factory = await startFactory({ servers: ['tasks'] });
  const ceo = await factory.agent('ceo');
  const task = await create(ceo, 'developer');
  const [first, second] = [await factory.agent('developer'), await factory.agent('developer-2')];
  await first.ok('task_checkout');

  expect(await first.ok('task_return', { why: 'Out of time.' })).toEqual({ task, state: 'ready' });
  expect(await states(ceo)).toEqual({ [task]: 'ready' });
  await second.ok('task_checkout', { task });

  expect(await sessionOf(factory, 'developer-2')).toMatchObject({ task: 1, fence: 2 });
  expect((await first.call('task_return', { why: 'Once more.' })).text).toMatch(
    /^CONFLICT: You hold no task/,
  );
});
