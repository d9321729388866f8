import { expect, test } from 'vitest';
import { startFactory } from '../harness.ts';
import { create } from './stage.ts';

test('lists every agent, whether it runs and on what', async () => {
  const factory = await startFactory({ servers: ['tasks'], preset: 'solo' });
  const ceo = await factory.agent('ceo');
  const task = await create(ceo, 'developer');
  await (await factory.agent('developer-2')).ok('task_checkout');

  expect(await ceo.ok('agent_list')).toEqual({
    agents: [
      { agent: 'ceo', role: 'ceo', running: true, task: null },
      { agent: 'developer', role: 'developer', running: false, task: null },
      { agent: 'developer-2', role: 'developer', running: true, task },
      { agent: 'reviewer', role: 'reviewer', running: false, task: null },
      { agent: 'qa', role: 'qa', running: false, task: null },
    ],
  });
});
