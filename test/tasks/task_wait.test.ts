import { expect, test } from 'vitest';
import { startFactory } from '../harness.ts';
import { create, decide, leave, pass, stop } from './stage.ts';

const servers = ['tasks'];

async function timed<T>(work: Promise<T>): Promise<{ value: T; ms: number }> {
  const start = performance.now();
  return { value: await work, ms: performance.now() - start };
}

test('wakes when another session completes the task', async () => {
  const factory = await startFactory({ servers });
  const ceo = await factory.agent('ceo');
  const task = await create(ceo, 'developer');
  const developer = await factory.agent('developer');
  await developer.ok('task_checkout');

  const waiting = timed(ceo.ok('task_wait', { task, seconds: 20 }));
  await developer.ok('task_complete', { summary: 'Done and seen.' });

  const { value, ms } = await waiting;
  expect(value).toEqual({ still_waiting: false, about: task, state: 'done' });
  expect(ms).toBeLessThan(5_000);
  expect((await timed(ceo.ok('task_wait', { task, seconds: 20 }))).ms).toBeLessThan(1_000);
});

test('answers within its seconds that it is still waiting', async () => {
  const factory = await startFactory({ servers });
  const ceo = await factory.agent('ceo');
  const task = await create(ceo, 'developer');

  const { value, ms } = await timed(ceo.ok('task_wait', { task, seconds: 1 }));

  expect(value).toEqual({ still_waiting: true, about: task, state: 'ready' });
  expect(ms).toBeGreaterThanOrEqual(990);
  expect(ms).toBeLessThan(3_000);
});

test('without an id waits for work of the own role, and promotes what paused', async () => {
  const factory = await startFactory({ servers });
  const ceo = await factory.agent('ceo');
  const developer = await factory.agent('developer');
  await create(ceo, 'qa');

  const waiting = developer.ok('task_wait', { seconds: 20 });
  const task = await create(ceo, 'developer');
  expect(await waiting).toEqual({ still_waiting: false, about: task, state: 'ready' });

  await factory.services.store.db
    .updateTable('tasks')
    .set({ state: 'waiting', ready_at: factory.clock.now() + 60_000 })
    .execute();
  expect(await developer.ok('task_wait', { seconds: 1 })).toMatchObject({
    still_waiting: true,
    state: 'none ready',
  });
  factory.clock.advance(61_000);
  expect(await developer.ok('task_wait', { seconds: 1 })).toMatchObject({
    still_waiting: false,
    about: task,
  });
  await pass(developer);
});

test('tells what the human decided, and that no answer in time is one', async () => {
  const factory = await startFactory({ servers });
  const ceo = await factory.agent('ceo');
  await create(ceo, 'ceo');
  await ceo.ok('task_checkout');
  const plan = await leave(factory, 'ceo', 'plan', 'A plan.');
  await decide(factory, 'launch', plan, 'open');

  const wait = () => ceo.ok('task_wait', { checkpoint: 'C-1', seconds: 1 });
  expect(await wait()).toMatchObject({ still_waiting: true, state: 'open' });
  factory.clock.advance(2 * 3_600_000);
  expect(await wait()).toMatchObject({ still_waiting: false, state: 'expired' });
  await factory.services.store.db.updateTable('checkpoints').set({ state: 'approved' }).execute();
  expect(await wait()).toMatchObject({ still_waiting: false, state: 'approved' });
});

test('gives the result of a finished job, and knows what does not exist', async () => {
  const factory = await startFactory({ servers });
  const ceo = await factory.agent('ceo');
  await factory.services.store.db
    .insertInto('jobs')
    .values({
      kind: 'gate',
      input: '{}',
      state: 'done',
      result: '{"closed":true}',
      session: 's',
      attempts: 1,
      created_at: 0,
      finished_at: 1,
    })
    .execute();

  expect(await ceo.ok('task_wait', { job: 'J-1' })).toEqual({
    still_waiting: false,
    about: 'J-1',
    state: 'done',
    result: { closed: true },
  });
  for (const args of [{ job: 'J-9' }, { task: 'T-9' }, { checkpoint: 'C-9' }])
    expect((await ceo.call('task_wait', args)).text).toMatch(
      /^NOT_FOUND: No (job J|task T|checkpoint C)-9\./,
    );
});

test('while a human stopped the factory nobody takes a task, and the stop of a role stops only it', async () => {
  const factory = await startFactory({ servers });
  const ceo = await factory.agent('ceo');
  await create(ceo, 'developer');
  await create(ceo, 'qa');
  const [developer, qa] = [await factory.agent('developer'), await factory.agent('qa')];

  await stop(factory, 'role:developer');
  expect((await developer.call('task_checkout')).text).toMatch(
    /^LIMIT: A human stopped role:developer: too dear/,
  );
  await qa.ok('task_checkout');
  await stop(factory, 'factory');
  expect((await qa.call('task_checkout')).text).toMatch(/^LIMIT: A human stopped factory/);
});

test('one ready task wakes one of the agents that wait; if that one does not take it, the next', async () => {
  const factory = await startFactory({ servers });
  const ceo = await factory.agent('ceo');
  const waiting = await Promise.all(Array.from({ length: 4 }, () => factory.agent('developer')));
  const woken: number[] = [];
  const waits = waiting.map(async (agent, index) => {
    const seen = await agent.ok<{ still_waiting: boolean }>('task_wait', { seconds: 4 });
    if (!seen.still_waiting) woken.push(index);
  });
  await new Promise((resolve) => setTimeout(resolve, 200));

  await create(ceo, 'developer');
  await new Promise((resolve) => setTimeout(resolve, 400));
  expect(woken).toHaveLength(1);

  await new Promise((resolve) => setTimeout(resolve, 1_500));
  expect(woken.length).toBeGreaterThanOrEqual(2);
  await waiting[woken[0] as number]?.ok('task_checkout');
  await Promise.all(waits);
});
