import { expect, test } from 'vitest';
import { startFactory } from '../harness.ts';
import { create, pass, states, WORK } from './stage.ts';

const servers = ['tasks'];

test('a task waits until every task it needs is done', async () => {
  const factory = await startFactory({ servers });
  const ceo = await factory.agent('ceo');
  const first = await create(ceo, 'developer');
  const second = await create(ceo, 'developer');
  const last = await create(ceo, 'developer', { needs: [first, second, first] });
  const developer = await factory.agent('developer');

  await pass(developer);
  expect(await states(ceo)).toEqual({ [first]: 'done', [second]: 'ready', [last]: 'waiting' });
  await pass(developer);
  expect(await states(ceo)).toMatchObject({ [last]: 'ready' });

  expect(await ceo.ok('task_create', { ...WORK, role: 'qa', needs: [first] })).toMatchObject({
    state: 'ready',
  });
});

test('refuses tasks to wait for that are not there or will never be done', async () => {
  const factory = await startFactory({ servers });
  const ceo = await factory.agent('ceo');
  const task = await create(ceo, 'developer');
  await factory.services.store.db.updateTable('tasks').set({ state: 'cancelled' }).execute();

  const missing = await ceo.call('task_create', { ...WORK, role: 'qa', needs: [task, 'T-7', 'T-9'] });
  expect(missing.text).toMatch(/^NOT_FOUND: No task T-7, T-9\./);
  const cancelled = await ceo.call('task_create', { ...WORK, role: 'qa', needs: [task] });
  expect(cancelled.text).toMatch(/^CONFLICT: T-1 was cancelled/);
  expect(Object.keys(await states(ceo))).toEqual([task]);
});

test('urgent tasks go first', async () => {
  const factory = await startFactory({ servers });
  const ceo = await factory.agent('ceo');
  await create(ceo, 'developer');
  const urgent = await create(ceo, 'developer', { priority: 1 });

  expect(await (await factory.agent('developer')).ok('task_checkout')).toMatchObject({ task: urgent });
});

test('knows the roles and keeps the limit of open tasks', async () => {
  const factory = await startFactory({
    servers,
    change: (file) => Object.assign(file, { limits: { open_tasks: 2 } }),
  });
  const ceo = await factory.agent('ceo');

  expect((await ceo.call('task_create', { ...WORK, role: 'king' })).text).toMatch(
    /^INVALID_INPUT: There is no such role\.\nNext: Use one of ceo, cto,/,
  );
  await create(ceo, 'developer');
  await create(ceo, 'developer');
  expect((await ceo.call('task_create', { ...WORK, role: 'qa' })).text).toMatch(
    /^LIMIT: The factory may have 2 open tasks and has 2\./,
  );
  await pass(await factory.agent('developer'));
  await create(ceo, 'qa');
});

test('whatever was created can be taken, shown and listed: no answer grows too long', async () => {
  const factory = await startFactory({ servers });
  const ceo = await factory.agent('ceo');
  const long = { title: '"'.repeat(200), description: '\u0001'.repeat(4000) };
  const most = { ...long, criteria: Array(14).fill('c'.repeat(120)), stops: Array(5).fill('s'.repeat(120)) };
  for (let i = 0; i < 50; i++) await create(ceo, 'developer', most);

  const tooMuch = await ceo.call('task_create', {
    ...most,
    role: 'qa',
    criteria: Array(20).fill('c'.repeat(500)),
  });
  expect(tooMuch.text).toMatch(/^INVALID_INPUT: criteria and stops: together longer than 2500 characters/);
  const brief = await (await factory.agent('developer')).ok('task_checkout');
  expect(brief).toMatchObject({ task: 'T-1', criteria: most.criteria, stops: most.stops });
  await ceo.ok('task_show', { task: 'T-1' });
  await ceo.ok('task_list', { limit: 50 });
});
