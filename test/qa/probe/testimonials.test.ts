import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { probe } from '../../../servers/qa/probe/probe.ts';
import type { ProbeReport } from '../../../servers/qa/probe/types.ts';
import type { RunningProduct } from '../../../servers/qa/product/worker.ts';
import { layOut, remove, renameAll, run, type Stage } from './workshop.ts';

const BUDGET = { requests: 6_000, ms: 60_000 };

const serious = ({ findings }: ProbeReport) => findings.filter(({ severity }) => severity !== 'low');
const places = (report: ProbeReport) =>
  serious(report)
    .map(({ kind, where, title }) => `${kind} ${where} in ${/ in (\/\S+)/.exec(title)?.[1]}`)
    .sort();
const onPages = (source: string) => ['/wall', '/widget.js'].map((page) => `stored-xss ${source} in ${page}`);
const STORED = onPages('POST /testimonials');

describe.each([
  { stage: 'build-1', renamed: false, found: [...onPages('POST /api/testimonials'), ...STORED] },
  {
    stage: 'build-1',
    renamed: true,
    found: ['/k.js', '/w9'].map((page) => `stored-xss POST /r5 in ${page}`),
  },
  { stage: 'build-2', renamed: false, found: [] },
  { stage: 'build-2', renamed: true, found: [] },
] as { stage: Stage; renamed: boolean; found: string[] }[])(
  '$stage, renamed: $renamed',
  ({ stage, renamed, found }) => {
    let dir: string;
    let product: RunningProduct;
    let report: ProbeReport;

    beforeAll(async () => {
      dir = await layOut(stage);
      if (renamed) await renameAll(dir);
      product = await run(dir);
      report = await probe({ origin: product.origin, seed: 11, budget: BUDGET });
    }, 120_000);
    afterAll(async () => {
      await product?.stop();
      await remove(dir);
    });

    test('the defect is found where it is, and nothing where none is', () => {
      expect(places(report)).toEqual(found);
      expect(report.complete).toBe(true);
      expect(report.requests).toBeLessThanOrEqual(BUDGET.requests);
    });

    test('something was stored, so silence means something', async () => {
      expect(report.notTested.filter((line) => line.includes('nothing sent was seen again'))).toEqual([]);
      const wall = await (await fetch(`${product.origin}${renamed ? '/w9' : '/wall'}`)).text();
      expect(wall.match(/<figure/g)).toHaveLength(24);
    });

    if (found.length === 0) return;
    test('the report says with which fields, and how to see it', async () => {
      const widget = serious(report).find(
        ({ title, where }) => title.endsWith('.js') && !where.includes('/api/'),
      );
      expect(widget).toMatchObject({ kind: 'stored-xss', severity: 'critical', confirmed: true });
      expect(widget?.title).toContain(
        renamed ? '"a1", "a2" of POST /r5' : '"author", "affiliation" of POST /testimonials',
      );
      expect(widget?.reproduction).toMatch(/^curl .*POST.*\ncurl .*\.js/);
      expect(widget?.evidence).toMatch(/<strong>'\\"><img src=x onerror=/);
    });
  },
);

test('the same seed on the same product gives the same report, another seed the same findings', async () => {
  const reports: ProbeReport[] = [];
  for (const seed of [3, 3, 4]) {
    const dir = await layOut('build-1');
    const product = await run(dir);
    const shownOrigin = 'http://127.0.0.1:8787';
    reports.push(
      await probe({ origin: product.origin, shownOrigin, seed, budget: { ...BUDGET, requests: 280 } }),
    );
    await product.stop();
    await remove(dir);
  }
  const [first, again, other] = reports.map(({ ms: _, checks, ...report }) => ({
    ...report,
    checks: checks.map(({ ms: _, ...check }) => check),
  }));
  expect(again).toEqual(first);
  expect(other?.findings.map(({ id }) => id)).toEqual(first?.findings.map(({ id }) => id));
  expect(other?.findings[0]?.reproduction).not.toEqual(first?.findings[0]?.reproduction);
}, 120_000);

test('a budget that ends in the middle keeps what was found, and replays it', async () => {
  const dir = await layOut('build-1');
  const product = await run(dir);
  const report = await probe({ origin: product.origin, seed: 3, budget: { requests: 90, ms: 20_000 } });
  await product.stop();
  await remove(dir);
  expect(report.requests).toBeLessThanOrEqual(90);
  expect(report.checks).toContainEqual(expect.objectContaining({ name: 'stored-xss', ran: false }));
  expect(places(report)).toEqual(STORED);
}, 120_000);
