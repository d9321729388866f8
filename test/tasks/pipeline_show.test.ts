import { expect, test } from 'vitest';
import { startFactory } from '../harness.ts';
import { leave, REQUEST } from './stage.ts';

test('shows each phase with the tasks of its last round', async () => {
  const factory = await startFactory({ servers: ['tasks'] });
  const ceo = await factory.agent('ceo');
  await ceo.ok('pipeline_start', { pipeline: 'fix', request: REQUEST });
  const qa = await factory.agent('qa');
  await qa.ok('task_checkout');
  await leave(factory, 'qa', 'bug-report', 'It does not answer.');
  await qa.ok('task_complete', { summary: 'Reproduced.' });
  const developer = await factory.agent('developer');
  await developer.ok('task_checkout');
  await developer.ok('task_complete', { summary: 'It cannot be repaired.', outcome: 'failed' });

  const shown = await ceo.ok<{ phases: unknown[] }>('pipeline_show', { pipeline: 'P-1' });

  expect(shown).toMatchObject({ pipeline: 'P-1', name: 'fix', state: 'running', request: REQUEST });
  expect(shown.phases.slice(0, 3)).toEqual([
    { phase: 'reproduce', round: 1, tasks: [{ task: 'T-1', step: 'reproduce', role: 'qa', state: 'done' }] },
    { phase: 'fix', round: 2, tasks: [{ task: 'T-8', step: 'fix', role: 'developer', state: 'ready' }] },
    {
      phase: 'review',
      round: 2,
      tasks: [{ task: 'T-9', step: 'review', role: 'principal-engineer', state: 'waiting' }],
    },
  ]);
  expect((await ceo.call('pipeline_show', { pipeline: 'P-9' })).text).toMatch(/^NOT_FOUND: No pipeline P-9/);
});
