import { expect, test } from 'vitest';
import { startFactory } from '../harness.ts';
import { create, states } from './stage.ts';

test('a blocked task keeps its reason, frees its holder and lets nothing that needs it start', async () => {
  const factory = await startFactory({ servers: ['tasks'] });
  const ceo = await factory.agent('ceo');
  const task = await create(ceo, 'developer');
  const next = await create(ceo, 'developer', { needs: [task] });
  const developer = await factory.agent('developer');
  await developer.ok('task_checkout');

  expect((await developer.call('task_block', { why: 'No.' })).text).toMatch(/^INVALID_INPUT: why: /);
  await developer.ok('task_block', { why: 'The spec says both 3 and 4.' });

  expect(await states(ceo)).toEqual({ [task]: 'blocked', [next]: 'waiting' });
  expect(await ceo.ok('task_show', { task })).toMatchObject({
    outcome: 'The spec says both 3 and 4.',
    holder: null,
  });
  expect((await developer.call('task_checkout', { task })).text).toMatch(/^CONFLICT: T-1 is blocked\./);
  expect((await developer.call('task_block', { why: 'Once more, to be sure.' })).text).toMatch(
    /^CONFLICT: You hold no task/,
  );
});
