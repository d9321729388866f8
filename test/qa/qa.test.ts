import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { attestedOf, GATE_PREDICATE, VERDICT_PREDICATE } from '../../servers/core/attestation.ts';
import type { JobQueue } from '../../servers/core/jobs.ts';
import { importLayer } from '../../servers/core/sandbox/dependencies.ts';
import { type Files, type ProductFactory, sourceOf, startProductFactory } from '../deploy/product_factory.ts';
import type { Agent } from '../harness.ts';
import { carriedChromium } from './page/chromium.ts';

const before = process.env.MILLWRIGHT_CHROMIUM;
afterEach(() => {
  if (before === undefined) delete process.env.MILLWRIGHT_CHROMIUM;
  else process.env.MILLWRIGHT_CHROMIUM = before;
});

/** Has docs and scan judged on a commit, as gate_run does for its author. */
async function gates(factory: ProductFactory, commit: string): Promise<void> {
  const { services } = factory;
  const jobs: JobQueue = services.jobs;
  const input = { commit, gates: ['docs', 'scan'] };
  const job = await services.store.transaction((tx) =>
    jobs.enqueue(tx, 'gate.run', input, 'test', Date.now()),
  );
  jobs.kick();
  expect(await jobs.wait(job, 20_000)).toMatchObject({ ok: true });
}

const artifacts = (factory: ProductFactory) =>
  factory.services.store.db.selectFrom('artifacts').selectAll().execute();

/** The answer of a tool that may have gone on as a job. */
async function answerOf(
  agent: Agent,
  tool: string,
  args: Record<string, unknown> = {},
): Promise<Record<string, never>> {
  const first = await agent.ok<Record<string, never>>(tool, args);
  if (first.done) return first;
  for (;;) {
    const waited = await agent.ok<{ result?: Record<string, never> }>('task_wait', {
      job: first.job,
      seconds: 40,
    });
    if (waited.result) return waited.result;
  }
}

const SHOWN_BY = 'test/pages.test.ts > every control has a label';
const SHOWN = { criteria: [[SHOWN_BY, 'gate:docs', 'probe:stored-xss']] };

test('a product with a planted XSS fails, its repaired build passes, and both by signed evidence', async () => {
  const factory = await startProductFactory(['gates', 'qa']);
  const pipeline = await factory.pipeline();
  const first = await factory.submit(pipeline, 'build-1');
  const qa = await factory.holding('qa', pipeline);

  expect(await qa.ok('qa_verdict')).toMatchObject({
    verdict: 'FAIL',
    commit: first.commit,
    reasons: expect.arrayContaining(['qa.suite: it has not run on this commit']),
  });
  const suite = await answerOf(qa, 'qa_run');
  expect(suite).toMatchObject({ done: true, closed: true, isolation: 'full' });
  expect(suite.tests).toBeGreaterThan(3);
  expect(suite).toMatchObject({
    checks: expect.arrayContaining([SHOWN_BY]),
    flaky: [],
    proves_nothing: [],
    launch: expect.stringMatching(/^started: its first answer is 200/),
    coverage: expect.stringMatching(/^\d{3} of \d{3} changed lines ran/),
    mutants: expect.stringMatching(/^[0-2] of 2 noticed/),
  });
  process.env.MILLWRIGHT_CHROMIUM = (await carriedChromium()).executable;
  const probe = await answerOf(qa, 'qa_probe');
  expect(probe).toMatchObject({ done: true, closed: false, isolation: 'full' });
  expect((probe.findings as unknown as object[])[0]).toMatchObject({
    severity: 'critical',
    kind: 'stored-xss',
    evidence: expect.stringMatching(/a browser (ran it|without)/),
    reproduction: expect.arrayContaining([expect.stringMatching(/^curl /)]),
  });
  expect((await artifacts(factory)).map(({ name, agent }) => [name, agent])).toEqual([
    ['verdict-report', 'qa'],
    ['suite-report', 'qa'],
    ['probe-report', 'qa'],
  ]);
  await gates(factory, first.commit);
  const failed = await qa.ok('qa_verdict', { criteria: [[SHOWN_BY]] });
  expect(failed).toMatchObject({
    verdict: 'FAIL',
    reasons: [expect.stringMatching(/^qa\.probe: .*critical/)],
  });

  const second = await factory.submit(pipeline, 'build-2');
  await gates(factory, second.commit);
  expect((await qa.ok('qa_verdict')).verdict).toBe('FAIL');
  const good = await answerOf(qa, 'qa_run');
  process.env.MILLWRIGHT_CHROMIUM = '/nowhere/chromium';
  const clean = await answerOf(qa, 'qa_probe');
  expect([good.closed, clean.closed, clean.findings]).toEqual([true, true, []]);
  const reports = (await artifacts(factory)).filter(({ name }) => name === 'probe-report');
  expect(reports.map(({ body }) => body.includes('no Chromium is there'))).toEqual([false, true]);
  const without = await qa.ok<{ verdict: string; reasons: string[] }>('qa_verdict');
  expect(without).toMatchObject({ verdict: 'FAIL', reasons: ['criterion 1 "It holds" is tied to no check'] });
  for (const check of ['test/pages.test.ts > is not there', 'gate:smoke', 'gate:qa.suite', 'probe:nothing']) {
    const criteria = [[SHOWN_BY, check]];
    expect((await qa.ok('qa_verdict', { criteria })).reasons).toEqual([
      expect.stringContaining(`criterion 1 "It holds" "${check}"`),
    ]);
  }
  const told = await qa.ok('qa_verdict', { ...SHOWN, fail: 'the form loses what was typed' });
  expect(told).toMatchObject({ verdict: 'FAIL', reasons: ['QA: the form loses what was typed'] });
  const passed = await qa.ok('qa_verdict', SHOWN);
  expect(passed).toMatchObject({ verdict: 'PASS', reasons: [], commit: second.commit });

  const attested = await attestedOf(factory.services, second.commit);
  const rows = await factory.services.store.db
    .selectFrom('gate_results')
    .select(['gate', 'digest'])
    .where('commit_id', '=', second.commit)
    .orderBy('id')
    .execute();
  expect(rows.map(({ gate }) => gate)).toEqual(['docs', 'scan', 'qa.suite', 'qa.probe']);
  for (const { digest } of rows) expect(attested.has(GATE_PREDICATE, digest)).toBe(true);
  for (const digest of [good.digest, clean.digest])
    expect(attested.has(GATE_PREDICATE, String(digest))).toBe(true);
  expect(attested.has(VERDICT_PREDICATE, String(passed.digest))).toBe(true);
  expect(
    (await attestedOf(factory.services, first.commit)).has(VERDICT_PREDICATE, String(passed.digest)),
  ).toBe(false);
}, 300_000);

test('a suite without a passing test, and a product that does not build, close nothing', async () => {
  const factory = await startProductFactory(['qa']);
  const manifest = JSON.parse(await sourceOf('base', 'package.json'));
  const silent = JSON.stringify({ ...manifest, scripts: { ...manifest.scripts, test: 'node -e 0' } });
  const { services } = factory;
  await factory.submit(null, 'base');
  const pipeline = await factory.pipeline();
  await factory.submit(pipeline, 'base', { 'package.json': silent, 'src/index.ts': 'export default {' });
  await importDependencies(factory, silent);
  const qa = await factory.holding('qa', pipeline);

  expect(await answerOf(qa, 'qa_run')).toMatchObject({
    closed: false,
    tests: 0,
    why: 'no test runner said how many tests passed',
  });
  expect(await answerOf(qa, 'qa_probe')).toMatchObject({
    closed: false,
    findings: [{ severity: 'critical', kind: 'no-start' }],
  });
  const rows = await services.store.db
    .selectFrom('gate_results')
    .select(['gate', 'closed'])
    .orderBy('id')
    .execute();
  expect(rows).toEqual([
    { gate: 'qa.suite', closed: 0 },
    { gate: 'qa.probe', closed: 0 },
  ]);
}, 40_000);

test('a library has nothing to probe where the factory file and the commit both show it', async () => {
  const factory = await startProductFactory(['qa'], ({ gates }) => {
    gates.probe = { serves: 'nothing' };
  });
  const { dependencies, devDependencies } = JSON.parse(await sourceOf('base', 'package.json'));
  const manifest = (scripts: object) =>
    JSON.stringify({ name: 'sums', type: 'module', scripts, dependencies, devDependencies });
  const bare = manifest({ test: 'node --test' });
  await importDependencies(factory, bare);
  const library = { 'wrangler.jsonc': null, 'package.json': bare, 'src/index.ts': 'export const one = 1;' };
  const pipeline = await factory.pipeline();
  const qa = await factory.holding('qa', pipeline);
  const probed = async (files: Files) => {
    await factory.submit(pipeline, 'base', files);
    return answerOf(qa, 'qa_probe');
  };

  expect(await probed(library)).toMatchObject({
    closed: true,
    why: expect.stringMatching(/^not applicable: none of \d+ files /),
    requests: 0,
    isolation: 'full',
  });
  const { reasons } = await qa.ok<{ reasons: string[] }>('qa_verdict', { criteria: [['probe:stored-xss']] });
  expect(reasons.filter((reason) => reason.startsWith('qa.probe'))).toEqual([]);
  expect(reasons).toContainEqual(expect.stringMatching(/^criterion 1 "It holds" "probe:stored-xss"/));
  for (const files of [
    { 'src/index.ts': 'export default {' },
    { ...library, 'src/wrangler.toml': '' },
    // Each takes out what the one before it brought.
    { ...library, 'src/wrangler.toml': null, 'package.json': manifest({ dev: 'node src/index.ts' }) },
    { ...library, 'src/sums.ts': "import { createServer } from 'node:http'; createServer().listen(80);" },
    { ...library, 'src/sums.ts': null, 'index.html': '<title>Sums</title>' },
  ])
    expect(await probed(files)).toMatchObject({ closed: false, findings: [{ kind: 'no-start' }] });
}, 120_000);

test('nobody has their own change judged, and nothing runs without a change or a task', async () => {
  const factory = await startProductFactory(['qa']);
  const pipeline = await factory.pipeline();
  const idle = await factory.agent('qa');
  expect((await idle.call('qa_run')).text).toMatch(/^CONFLICT: You hold no task/);
  const qa = await factory.holding('qa', pipeline);
  expect((await qa.call('qa_run')).text).toMatch(/^CONFLICT: No change was submitted/);

  const change = await factory.submit(pipeline, 'build-2');
  const { db } = factory.services.store;
  const session = await db
    .selectFrom('sessions')
    .selectAll()
    .where('task', 'is not', null)
    .executeTakeFirstOrThrow();
  for (const author of [{ agent: 'qa' }, { root: session.root }]) {
    await db
      .updateTable('submissions')
      .set({ agent: 'developer', root: 'another', ...author })
      .where('id', '=', change.submission)
      .execute();
    expect((await qa.call('qa_verdict')).text).toMatch(/^FORBIDDEN: The change is your own work/);
  }
  const rules = await db
    .selectFrom('refusals')
    .select(['rule', 'count'])
    .where('tool', '=', 'qa_verdict')
    .execute();
  expect(rules).toEqual([{ rule: 'verdict.self', count: 2 }]);
  expect(await db.selectFrom('verdicts').selectAll().execute()).toEqual([]);
});

/** The layer of a manifest that a test wrote. */
async function importDependencies(factory: ProductFactory, manifest: string): Promise<void> {
  const folder = await mkdtemp(`${factory.home}/manifest-`);
  await writeFile(`${folder}/package.json`, manifest);
  await writeFile(`${folder}/package-lock.json`, await sourceOf('base', 'package-lock.json'));
  await importLayer(fileURLToPath(new URL('../../node_modules', import.meta.url)), {
    lockfileDir: folder,
    store: factory.services.paths.layers,
  });
  await rm(folder, { recursive: true });
}
