import { expect, test } from 'vitest';
import { startFactory } from '../harness.ts';

const servers = ['tasks'];
const request = 'A page that collects testimonials.';

test('adds every step as a task; only the first phase is ready', async () => {
  const factory = await startFactory({ servers });
  const ceo = await factory.agent('ceo');

  expect(await ceo.ok('pipeline_start', { pipeline: 'fix', request })).toEqual({
    pipeline: 'P-1',
    first_tasks: ['T-1'],
  });

  const { tasks } = await ceo.ok<{ tasks: unknown[] }>('task_list', { pipeline: 'P-1' });
  expect(tasks).toMatchObject([
    { task: 'T-1', role: 'qa', phase: 'reproduce', state: 'ready', round: 1 },
    { task: 'T-2', role: 'developer', phase: 'fix', state: 'waiting' },
    { task: 'T-3', role: 'principal-engineer', phase: 'review', state: 'waiting' },
    { task: 'T-4', role: 'qa', phase: 'test', state: 'waiting' },
    { task: 'T-5', role: 'principal-engineer', phase: 'deploy', state: 'waiting' },
    { task: 'T-6', role: 'infra', phase: 'deploy', state: 'waiting' },
    { task: 'T-7', role: 'cto', phase: 'verify', state: 'waiting' },
  ]);
});

test('gives a step whose role the factory lacks to the one that stands in', async () => {
  const factory = await startFactory({ servers, preset: 'solo' });
  const ceo = await factory.agent('ceo');
  await ceo.ok('pipeline_start', { pipeline: 'fix', request });

  const { tasks } = await ceo.ok<{ tasks: { role: string }[] }>('task_list', { pipeline: 'P-1' });

  expect(tasks.map(({ role }) => role)).toEqual([
    'qa',
    'developer',
    'reviewer',
    'qa',
    'reviewer',
    'qa',
    'reviewer',
  ]);
});

test('names the pipelines there are', async () => {
  const factory = await startFactory({ servers });
  const ceo = await factory.agent('ceo');

  expect((await ceo.call('pipeline_start', { pipeline: 'moon', request })).text).toBe(
    'NOT_FOUND: There is no such pipeline.\nNext: Use one of product, feature, fix, words.',
  );
});

test('starts nothing beyond the limit of open tasks, nor while a human stopped the factory', async () => {
  const factory = await startFactory({
    servers,
    change: (file) => Object.assign(file, { limits: { open_tasks: 10 } }),
  });
  const ceo = await factory.agent('ceo');
  await ceo.ok('pipeline_start', { pipeline: 'fix', request });

  expect((await ceo.call('pipeline_start', { pipeline: 'fix', request })).text).toMatch(
    /^LIMIT: The factory may have 10 open tasks and has 7/,
  );
  expect((await ceo.ok<{ tasks: unknown[] }>('task_list')).tasks).toHaveLength(7);

  await factory.services.store.db
    .insertInto('kills')
    .values({ scope: 'factory', reason: 'budget', at: 0 })
    .execute();
  expect((await ceo.call('pipeline_start', { pipeline: 'fix', request })).text).toMatch(
    /^LIMIT: A human stopped factory: budget/,
  );
});
