import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ProbeReport } from '../../../servers/qa/probe/types.ts';
import { config, layOut, oneModule, REPOSITORY, remove, type Stage } from './workshop.ts';

const BUDGET = { requests: 6_000, ms: 60_000 };
const bin = (name: string) => join(REPOSITORY, 'node_modules/.bin', name);

const bundle = join(REPOSITORY, 'node_modules/.cache/qa-probe-test/qa-probe.js');
const folders: string[] = [];

beforeAll(async () => {
  await build({
    entryPoints: [join(REPOSITORY, 'servers/qa/probe/main.ts')],
    outfile: bundle,
    bundle: true,
    platform: 'node',
    format: 'esm',
    external: ['miniflare', 'playwright-core'],
    logLevel: 'silent',
  });
});
afterAll(() => Promise.all(folders.map(remove)));

async function runMain(input: unknown) {
  const { exitCode, stdout, stderr } = await execa(process.execPath, [bundle], {
    input: typeof input === 'string' ? input : JSON.stringify(input),
    reject: false,
    timeout: 150_000,
  });
  return { exitCode, stderr, report: (stdout === '' ? undefined : JSON.parse(stdout)) as ProbeReport };
}

/** What the release uploads: the bytes that the pinned wrangler makes, without an account. */
async function built(stage: Stage): Promise<string> {
  const dir = await layOut(stage);
  folders.push(dir);
  await execa(bin('wrangler'), ['deploy', '--dry-run', '--outdir', 'dist'], {
    cwd: dir,
    stdin: 'ignore',
    extendEnv: false,
    env: { PATH: join(REPOSITORY, 'node_modules/.bin'), HOME: dir, CI: '1', WRANGLER_SEND_METRICS: 'false' },
  });
  return dir;
}

async function inline(source: string): Promise<string> {
  const dir = await oneModule(source);
  folders.push(dir);
  return dir;
}
const plain = { name: 'product', main: 'index.js', compatibilityDate: '2026-11-01' };
const job = (bundleDir: string, more: object = {}) => ({
  product: { kind: 'worker', bundleDir, config: { ...plain, ...more } },
  seed: 5,
  budget: BUDGET,
});

describe('the bytes that would be uploaded', () => {
  test.each([
    { stage: 'build-1' as const, kinds: ['stored-xss'], worst: 'critical' },
    { stage: 'build-2' as const, kinds: [], worst: undefined },
  ])(
    '$stage',
    async ({ stage, kinds, worst }) => {
      const dir = await built(stage);
      const { exitCode, report } = await runMain({
        product: { kind: 'worker', bundleDir: join(dir, 'dist'), config: config(dir) },
        seed: 5,
        budget: BUDGET,
      });
      expect(exitCode).toBe(0);
      expect(report.complete).toBe(true);
      expect([...new Set(report.findings.map(({ kind }) => kind))]).toEqual(kinds);
      expect(report.findings[0]?.severity).toBe(worst);
      expect(JSON.stringify(report)).not.toContain(dir);
    },
    180_000,
  );
});

describe('a product that does not start is a critical, with the reason', () => {
  const starts = async (dir: string, more: object = {}) => {
    const { exitCode, report } = await runMain(job(dir, more));
    expect(exitCode).toBe(0);
    expect(report.findings).toMatchObject([{ kind: 'no-start', severity: 'critical', confirmed: true }]);
    return report.findings[0]?.evidence;
  };

  test('it throws when it is loaded', async () => {
    expect(await starts(await inline(`throw new Error('no key at start'); export default {};`))).toContain(
      'no key at start',
    );
  });
  test('it does not parse', async () => {
    expect(await starts(await inline('export default {'))).toMatch(/SyntaxError/);
  });
  test('its entry is not there', async () => {
    expect(await starts(await inline('export default {}'), { main: 'other.js' })).toContain('other.js');
  });
  test('a migration fails', async () => {
    const dir = await inline('export default { fetch: () => new Response("x") }');
    await mkdir(join(dir, 'migrations'));
    await writeFile(join(dir, 'migrations/0001_bad.sql'), 'CREATE TABEL x (id);');
    expect(await starts(dir, { d1: ['DB'], migrationsDir: join(dir, 'migrations') })).toMatch(
      /0001_bad\.sql failed.*syntax/,
    );
  });
});

test('a product that starts and throws at every request has a dead main path', async () => {
  const { report } = await runMain(
    job(await inline('export default { fetch() { throw new Error("secret detail"); } }')),
  );
  expect(report.findings[0]).toMatchObject({
    kind: 'no-start',
    severity: 'critical',
    evidence: '500: Error: secret detail',
  });
  // The local runtime shows the trace, not the product: no leak of its own.
  expect(report.findings.map(({ kind }) => kind)).not.toContain('error-leak');
});

test.each([
  ['no JSON', '{'],
  ['no job', '{}'],
  ['an unknown key', JSON.stringify({ ...job('/x'), host: 'example.com' })],
  ['no bounds', JSON.stringify({ ...job('/x'), budget: { requests: 1e12, ms: 1 } })],
])('input that is %s: no report, exit 2, one reason', async (_, input) => {
  const { exitCode, stderr, report } = await runMain(input);
  expect(exitCode).toBe(2);
  expect(report).toBeUndefined();
  expect(stderr).toMatch(/^qa-probe: /);
});

test('the bundle carries its parser and leaves the runtime to the layer', async () => {
  const text = await readFile(bundle, 'utf8');
  expect(text).toMatch(/import\("miniflare"\)/);
  expect(text).not.toMatch(/from "(parse5|zod|entities)/);
});
