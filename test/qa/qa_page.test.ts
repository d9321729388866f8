import { afterEach, expect, test } from 'vitest';
import { type ProductFactory, startProductFactory } from '../deploy/product_factory.ts';
import type { Agent } from '../harness.ts';
import { carriedChromium } from './page/chromium.ts';

const before = process.env.MILLWRIGHT_CHROMIUM;
afterEach(() => {
  if (before === undefined) delete process.env.MILLWRIGHT_CHROMIUM;
  else process.env.MILLWRIGHT_CHROMIUM = before;
});

const workerWith = (body: string) =>
  `const page = ${JSON.stringify(`<!doctype html><html lang="en"><head><title>T</title><meta name="viewport" content="width=device-width"></head><body><main>${body}</main></body></html>`)};
export default { fetch: () => new Response(page, { headers: { 'content-type': 'text/html' } }) };
`;

async function answerOf(agent: Agent): Promise<Record<string, never>> {
  const first = await agent.ok<Record<string, never>>('qa_probe', { pages: true });
  if (first.done) return first;
  for (let tries = 0; tries < 4; tries += 1) {
    const waited = await agent.ok<{ done: boolean; result: Record<string, never> }>('task_wait', {
      job: first.job,
      seconds: 40,
    });
    if (waited.result) return waited.result;
  }
  throw new Error('the pages were not looked at in time');
}

const artifacts = async ({ services }: ProductFactory) =>
  services.store.db.selectFrom('artifacts').select(['name', 'media', 'body']).orderBy('id').execute();

test('where the product has pages, a verdict needs them looked at, by a browser that is there', async () => {
  const factory = await startProductFactory(['qa'], ({ gates }) => {
    gates.pages = { path: '/' };
  });
  const pipeline = await factory.pipeline();
  const cut =
    '<h1>Shop</h1><p style="width:80px;overflow:hidden;white-space:nowrap">A very long product name</p>';
  await factory.submit(pipeline, 'base', { 'src/index.ts': workerWith(cut) });
  const qa = await factory.holding('qa', pipeline);

  expect(await qa.ok('qa_verdict')).toMatchObject({
    verdict: 'FAIL',
    reasons: expect.arrayContaining(['qa.page: it has not run on this commit']),
  });
  process.env.MILLWRIGHT_CHROMIUM = '/nowhere/chromium';
  expect(await answerOf(qa)).toMatchObject({
    closed: false,
    why: expect.stringMatching(
      /^MILLWRIGHT_CHROMIUM names \/nowhere\/chromium, and no program is there\. Install /,
    ),
  });
  expect((await artifacts(factory)).map(({ name }) => name)).toEqual(['verdict-report']);
  expect((await qa.ok<{ reasons: string[] }>('qa_verdict')).reasons).toContainEqual(
    expect.stringMatching(/^qa\.page: /),
  );
  // A real look takes ten seconds of a processor: with the long tests, `npm run test:pages`.
  if (process.env.LONG_TESTS !== '1') return;

  process.env.MILLWRIGHT_CHROMIUM = (await carriedChromium()).executable;
  const looked = await answerOf(qa);
  expect(looked).toMatchObject({ closed: false, pages: 1, isolation: 'full' });
  expect((looked.findings as unknown as object[])[0]).toMatchObject({
    class: 'cut-text',
    severity: 'medium',
  });
  const [report, pictures] = (await artifacts(factory)).filter(({ name }) => name.startsWith('page-'));
  expect([report?.name, pictures?.name, pictures?.media]).toEqual([
    'page-report',
    'page-pictures',
    'text/html',
  ]);
  expect(pictures?.body).toContain('<img loading="lazy" alt="cut-text');
  expect((await qa.ok<{ reasons: string[] }>('qa_verdict')).reasons).toContainEqual(
    expect.stringMatching(/^qa\.page: the pages show 1: medium, cut-text/),
  );
}, 120_000);
