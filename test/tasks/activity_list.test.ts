import { expect, test } from 'vitest';
import { startFactory } from '../harness.ts';
import { create } from './stage.ts';

interface Page {
  entries: {
    seq: number;
    agent: string;
    event: string;
    tool: string;
    subject: string;
    rule: string;
    why: string;
  }[];
}

test('reads the whole record in pages, refusals with their rule', async () => {
  const factory = await startFactory({ servers: ['tasks'] });
  const ceo = await factory.agent('ceo');
  await create(ceo, 'developer');
  const developer = await factory.agent('developer');
  await developer.call('task_create', {});
  await developer.ok('task_checkout');

  const seen: Page['entries'] = [];
  for (;;) {
    const { entries } = await ceo.ok<Page>('activity_list', { after: seen.at(-1)?.seq ?? 0, limit: 3 });
    if (entries.length === 0) break;
    seen.push(...entries);
  }
  expect(seen.map(({ seq }) => seq)).toEqual(seen.map((_, index) => index + 1));
  expect(seen.filter(({ event }) => event === 'refused')).toMatchObject([
    {
      agent: 'developer',
      tool: 'task_create',
      rule: 'capability',
      why: expect.stringContaining('task:plan'),
    },
  ]);

  const { entries } = await ceo.ok<Page>('activity_list', { task: 'T-1' });
  expect(entries.map(({ tool }) => tool)).toEqual(['task_create', 'task_checkout']);
});

test('a page of the longest entries still fits an answer', async () => {
  const factory = await startFactory({ servers: ['tasks'] });
  const ceo = await factory.agent('ceo');
  for (let i = 0; i < 60; i++) await ceo.call('task_show', { task: `T-${i + 1}${'9'.repeat(9)}` });
  for (let i = 0; i < 40; i++) await ceo.call(`${String(i).padStart(3, '0')}${'"'.repeat(77)}`);

  const { entries } = await ceo.ok<Page>('activity_list', { limit: 40 });
  expect(entries.length).toBeGreaterThan(10);
});
