/**
 * The look at a product's pages as a program, for the sandbox: one JSON object on stdin (`job`), one JSON report on
 * stdout, pictures in `out/`. Exits 0 whenever a report was made, 2 when the input was no job or no browser runs.
 */
import { text } from 'node:stream/consumers';
import * as z from 'zod';
import { NotStarted, productStart, start } from '../product/start.ts';
import { inspectPages } from './inspect.ts';
import { launch } from './launch.ts';
import { type PageReport, pageBudget } from './types.ts';

const OUT = 'out';
const job = z.strictObject({
  product: productStart,
  browser: z.strictObject({ executable: z.string().min(1), libraries: z.string().optional() }),
  path: z.string().max(2_000).optional(),
  allow: z.array(z.string().max(300)).max(50).default([]),
  headers: z.record(z.string(), z.string()).default({}),
  shownOrigin: z.string().max(1_000).optional(),
  budget: pageBudget,
});

async function report(input: z.infer<typeof job>): Promise<PageReport> {
  const { product: described, browser: found, path, allow, headers, shownOrigin, budget } = input;
  const product = await start(described);
  try {
    const browser = await launch(found, [new URL(product.origin).host, ...allow]);
    try {
      return await inspectPages({
        browser,
        origin: product.origin,
        allow,
        headers,
        budget,
        out: OUT,
        progress: (line) => void process.stderr.write(`${line}\n`),
        ...(path && { path }),
        ...(shownOrigin && { shownOrigin }),
      });
    } finally {
      await browser.close();
    }
  } finally {
    await product.stop();
  }
}

function notStarted(error: NotStarted): PageReport {
  const what = `Every page: the product does not start (${error.message.slice(0, 500)}).`;
  const count = { pages: 0, visits: 0, opened: 0, ms: 0 };
  return { started: false, complete: true, findings: [], pictures: [], ...count, notTested: [what] };
}

try {
  const input = job.parse(JSON.parse(await text(process.stdin)));
  const result = await report(input).catch((error) => {
    if (error instanceof NotStarted) return notStarted(error);
    throw error;
  });
  process.stdout.write(`${JSON.stringify(result)}\n`);
} catch (error) {
  process.stderr.write(`qa-pages: ${error instanceof z.ZodError ? z.prettifyError(error) : String(error)}\n`);
  process.exitCode = 2;
}
