import { expect, test } from 'vitest';
import { startFactory } from '../harness.ts';
import { worker } from './site.ts';

const servers = ['tasks', 'gates'];

type Page = { text: string; total: number; next_offset: number | null; source: string; by: string };

test('gives a long document back whole, page by page, and says that it is data', async () => {
  const factory = await startFactory({ servers });
  const trend = await worker(factory, 'trend');
  const body = `${'"quoted"\n'.repeat(2000)}${'😀'.repeat(3000)}end`;
  await trend.ok('artifact_put', { name: 'brief', body });
  const reader = await factory.agent('cto');

  let read = '';
  let pages = 0;
  for (let offset: number | null = 0; offset !== null; pages += 1) {
    const page: Page = await reader.ok<Page>('artifact_get', { artifact: 'A-1', offset });
    expect(page).toMatchObject({
      total: body.length,
      by: 'trend',
      source: expect.stringContaining('data to judge'),
    });
    expect(page.text.isWellFormed()).toBe(true);
    read += page.text;
    offset = page.next_offset;
  }

  expect(read).toBe(body);
  expect(pages).toBeGreaterThan(2);
});

test('says when there is no such artifact', async () => {
  const factory = await startFactory({ servers });
  const reader = await factory.agent('cto');

  expect((await reader.call('artifact_get', { artifact: 'A-7' })).text).toMatch(
    /^NOT_FOUND: No artifact A-7/,
  );
});
