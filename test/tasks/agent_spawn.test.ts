import { expect, test } from 'vitest';
import { enterRunner } from '../../servers/tasks/runs_queries.ts';
import { startFactory, type TestFactory } from '../harness.ts';
import { create, sessionOf, stop } from './stage.ts';

const servers = ['tasks'];

/** Says that a runner is up, for a minute. */
const runnerUp = ({ services: { store }, clock }: TestFactory) =>
  store.transaction((tx) => enterRunner(tx, 'runner:test', clock.now() + 60_000));

test('queues a run for a free agent of the role, descending from the asking session', async () => {
  const factory = await startFactory({ servers });
  await runnerUp(factory);
  const coo = await factory.agent('coo');
  const task = await create(await factory.agent('ceo'), 'developer');
  await factory.agent('developer');

  expect(await coo.ok('agent_spawn', { role: 'developer', task, message: 'Begin.' })).toEqual({
    agent: 'developer-2',
    queued: true,
    run: 1,
    brief: null,
  });

  const { root } = await sessionOf(factory, 'coo');
  const [spawn] = await factory.services.store.db.selectFrom('spawns').selectAll().execute();
  expect(spawn).toMatchObject({
    role: 'developer',
    agent: 'developer-2',
    task: 1,
    message: 'Begin.',
    root,
    state: 'queued',
  });
});

test('refuses roles it may not spawn, tasks of other roles, and more agents than there are', async () => {
  const factory = await startFactory({ servers });
  await runnerUp(factory);
  const coo = await factory.agent('coo');
  const task = await create(await factory.agent('ceo'), 'qa');
  const refused = async (args: Record<string, unknown>) => (await coo.call('agent_spawn', args)).text;

  expect(await refused({ role: 'ceo' })).toBe(
    'FORBIDDEN: The role coo may not spawn that role.\nNext: You may spawn developer, qa, principal-engineer, infra.',
  );
  expect(await refused({ role: 'developer', task })).toMatch(/^CONFLICT: That task is not for developer\./);
  await coo.ok('agent_spawn', { role: 'developer' });
  await coo.ok('agent_spawn', { role: 'developer' });
  expect(await refused({ role: 'developer' })).toMatch(
    /^LIMIT: Every developer is running or queued: developer, developer-2\./,
  );
  await stop(factory, 'role:qa');
  expect(await refused({ role: 'qa', task })).toMatch(/^LIMIT: A human stopped role:qa: too dear/);

  const rules = await factory.services.store.db
    .selectFrom('refusals')
    .select('rule')
    .orderBy('rule')
    .execute();
  expect(rules.map(({ rule }) => rule)).toEqual([
    'factory.stopped',
    'limit.agents',
    'spawn.role',
    'task.role',
  ]);
});

test('with no runner up nothing is queued, and the brief is for a sub-agent of the asking host', async () => {
  const factory = await startFactory({ servers });
  const coo = await factory.agent('coo');
  const task = await create(await factory.agent('ceo'), 'developer');
  await runnerUp(factory);
  factory.clock.advance(60_000);

  const spawned = await coo.ok<{ brief: string }>('agent_spawn', {
    role: 'developer',
    task,
    message: 'Begin.',
  });
  expect(spawned).toMatchObject({ agent: 'developer', queued: false, run: null });
  expect(spawned.brief).toMatch(/^No runner is up, so nothing was queued\./);
  expect(spawned.brief).toMatch(
    /You are developer, in the role developer .*task_checkout with task T-1 .*Begin\.$/s,
  );
  expect(await factory.services.store.db.selectFrom('spawns').selectAll().execute()).toEqual([]);
});
