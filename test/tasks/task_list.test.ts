import { expect, test } from 'vitest';
import { startFactory } from '../harness.ts';
import { create } from './stage.ts';

interface Page {
  tasks: { task: string; state: string; role: string }[];
  more: boolean;
}

test('every task stands on exactly one page', async () => {
  const factory = await startFactory({ servers: ['tasks'] });
  const ceo = await factory.agent('ceo');
  const all: string[] = [];
  for (let i = 0; i < 7; i++) all.push(await create(ceo, 'developer'));

  const seen: string[] = [];
  for (let more = true, after = {}; more; after = { after: seen.at(-1) }) {
    const page = await ceo.ok<Page>('task_list', { limit: 3, ...after });
    expect(page.tasks.length).toBeLessThanOrEqual(3);
    seen.push(...page.tasks.map(({ task }) => task));
    more = page.more;
  }

  expect(seen).toEqual(all);
});

test('a page that would be too long for a host ends earlier, and says that there is more', async () => {
  const factory = await startFactory({ servers: ['tasks'] });
  const ceo = await factory.agent('ceo');
  for (let i = 0; i < 50; i++) await create(ceo, 'principal-engineer', { title: 'x'.repeat(200) });
  await ceo.ok('pipeline_start', { pipeline: 'fix', request: 'The page does not answer.' });
  const { db } = factory.services.store;
  await db.updateTable('tasks').set({ pipeline: 1, phase: 'reproduction' }).where('id', '<=', 50).execute();

  const first = await ceo.ok<Page>('task_list', { limit: 50 });
  const rest = await ceo.ok<Page>('task_list', { limit: 50, after: first.tasks.at(-1)?.task });

  expect(first.more).toBe(true);
  expect(first.tasks.length + rest.tasks.filter(({ task }) => Number(task.slice(2)) <= 50).length).toBe(50);
});

test('filters by state, own role and pipeline', async () => {
  const factory = await startFactory({ servers: ['tasks'] });
  const ceo = await factory.agent('ceo');
  await create(ceo, 'developer');
  const own = await create(ceo, 'qa');
  await ceo.ok('pipeline_start', { pipeline: 'fix', request: 'The page does not answer.' });
  const qa = await factory.agent('qa');

  const ids = async (args: object) =>
    (await qa.ok<Page>('task_list', args as Record<string, unknown>)).tasks.map(({ task }) => task);
  expect(await ids({ mine: true, state: 'ready' })).toEqual([own, 'T-3']);
  expect(await ids({ pipeline: 'P-1', state: 'ready' })).toEqual(['T-3']);
  expect(await ids({ state: 'done' })).toEqual([]);
});
