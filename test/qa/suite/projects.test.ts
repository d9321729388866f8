import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { removeRoom } from '../../../servers/core/clean_run.ts';
import { openSandbox, type Sandbox } from '../../../servers/core/sandbox/sandbox.ts';
import { type Checked, untiedCriteria } from '../../../servers/qa/criteria.ts';
import { linkedFiles } from '../../../servers/qa/scan/linked.ts';
import { loosePins, packagesIn, secretsIn } from '../../../servers/qa/scan/scan.ts';
import { planFor } from '../../../servers/qa/sources.ts';
import { detectSuite } from '../../../servers/qa/suite/detect.ts';
import { findingsOf } from '../../../servers/qa/suite/judge.ts';
import { lastChange } from '../../../servers/qa/suite/last_change.ts';
import { hollowFindings, prove } from '../../../servers/qa/suite/proof.ts';
import { MANY, type Reruns, runProductSuite } from '../../../servers/qa/suite/suite.ts';
import { readerOf } from '../../../servers/qa/suite_check.ts';

let sandbox: Sandbox;
let room: string;
beforeAll(async () => {
  sandbox = await openSandbox({ accept: 'none' });
  room = await mkdtemp(join(tmpdir(), 'projects-'));
});
afterAll(() => removeRoom(room));

type Files = Record<string, string>;

async function project(files: Files): Promise<string> {
  const folder = await mkdtemp(join(room, 'p-'));
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  return folder;
}
const manifest = (test: string, more: object = {}) =>
  JSON.stringify({ name: 'kiosk', version: '1.0.0', type: 'module', scripts: { test }, ...more });
const ONCE: Reruns = { passed: { most: 0, ms: 0 }, failed: { most: 0, ms: 0 } };

async function suiteOf(folder: string, reruns = ONCE) {
  const plan = await detectSuite(readerOf(folder));
  if (!plan) throw new Error('no plan');
  const signal = AbortSignal.timeout(60_000);
  const options = { sources: folder, layers: [], plan, wallMs: 30_000, signal, reruns };
  const outcome = await runProductSuite(sandbox, options);
  const found = findingsOf(outcome.report, outcome.first).map((one) => `${one.class} ${one.where}`);
  return { options, outcome, found };
}

test('a suite that ends well and counts nothing ran no test, whatever it prints', async () => {
  const found = async (files: Files) => (await suiteOf(await project(files))).found;
  const NONE = ['no-tests package.json'];
  expect(
    await found({ 'package.json': manifest('node check.js'), 'check.js': "console.log('ok');" }),
  ).toEqual(NONE);
  expect(await found({ 'package.json': manifest("echo '  4 passing'") })).toEqual(NONE);
  expect(
    await found({ 'package.json': manifest('node --test'), 'a.test.js': 'export const price = 3;' }),
  ).toEqual(NONE);
  expect(
    await found({
      'package.json': manifest('node --test'),
      'a.test.js': "import assert from 'node:assert'; assert.equal(1 + 1, 2);",
    }),
  ).toEqual([]);
  expect(
    await found({
      'package.json': manifest('node t.js || true'),
      't.js': "console.log('  3 passing (4ms)\\n  1 failing'); process.exit(1);",
    }),
  ).toEqual(['failing-test package.json']);
  expect(
    await found({ 'package.json': manifest('node t.js'), 't.js': "console.log('1..1\\nok 1 - adds');" }),
  ).toEqual([]);
}, 60_000);

test('a test that answers by the hour is flaky, found by running again; so is a suite that names no test', async () => {
  const now = 'Math.floor(Date.now() / 1_000) % 2';
  const named = await project({
    'package.json': manifest('node --test'),
    'a.test.js': `import assert from 'node:assert'; import { test } from 'node:test';
      test('is open', () => assert.equal(${now}, 0)); test('adds', () => assert.equal(2, 1 + 1));`,
  });
  expect((await suiteOf(named, MANY)).found).toEqual(['flaky-test a.test.js']);
  const unnamed = await project({
    'package.json': manifest('node run.js'),
    'run.js': `if (${now}) { console.log('  1 failing'); process.exit(1); } console.log('  2 passing');`,
  });
  const { outcome } = await suiteOf(unnamed, MANY);
  expect(outcome.report.flaky).toEqual(['the suite as a whole']);
  expect(outcome.report.runs).toBeLessThan(10);
}, 90_000);

test('the tests of the last commit are run on the sources before it, without git in the folder', async () => {
  const folder = await project({
    'package.json': manifest('node --test'),
    'price.js': 'export const price = (n) => n * 2;',
    'test/price.test.js': '',
  });
  const git = (...args: string[]) =>
    execa('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', ...args], { cwd: folder });
  const commit = async (test: string, ...args: string[]) => {
    const head =
      "import assert from 'node:assert'; import { test } from 'node:test'; import { price } from '../price.js';";
    await writeFile(join(folder, 'test/price.test.js'), `${head}\n${test}`);
    await git('add', '-A');
    await git('commit', '-qm', 'x', ...args);
  };
  const hollow = async () => {
    const { options, outcome } = await suiteOf(folder);
    const change = await lastChange(folder);
    if ('why' in change) return change.why;
    const { without } = await prove(sandbox, {
      ...options,
      change,
      outcome,
      missed: [],
      mutants: 0,
      seed: 0,
    });
    if ('why' in without) return without.why;
    return hollowFindings(without, outcome.report).map(
      ({ severity, where, what }) => `${severity} ${where} ${what}`,
    );
  };
  expect((await lastChange(folder)) as object).toEqual({ why: 'it is no git repository with a commit' });
  await git('init', '-q');
  await commit("test('doubles', () => assert.equal(price(2), 4));");
  expect((await lastChange(folder)) as object).toEqual({ why: 'there is no commit before the last' });
  await git('config', 'core.fsmonitor', 'touch /tmp/never; false');
  await writeFile(join(folder, 'price.js'), 'export const price = (n) => Math.max(0, n * 2);');
  await commit(
    "test('doubles', () => assert.equal(price(2), 4));\ntest('has a floor', () => assert.ok(price(1) > 0));",
  );
  expect(await hollow()).toEqual([
    expect.stringMatching(/^high test\/price\.test\.js "test\/price\.test\.js > has a floor" came with/),
  ]);
  await commit(
    "test('doubles', () => assert.equal(price(2), 4));\ntest('has a floor', () => assert.equal(price(-1), 0));",
    '--amend',
  );
  expect(await hollow()).toEqual([]);
}, 60_000);

test('what lies in the project has a licence and needs no pin; the same outside has none of this', () => {
  const texts = (more: object, files: Files = {}) =>
    new Map(Object.entries({ 'package.json': JSON.stringify({ license: 'MIT', ...more }), ...files }));
  const classes = (all: Map<string, string>) =>
    packagesIn(all).findings.map((one) => `${one.class} ${one.severity} ${one.where}`);
  const GPL = '  GNU GENERAL PUBLIC LICENSE\n  Version 3, 29 June 2007';
  const by = { dependencies: { labels: 'file:./vendor/labels' } };
  const lib = (more: object) => ({
    'vendor/labels/package.json': JSON.stringify({ version: '2.0.0', ...more }),
  });
  expect(linkedFiles(texts(by))).toContain('vendor/labels/package.json');
  expect(classes(texts(by, lib({ license: 'AGPL-3.0-only' })))).toEqual([
    'licence medium package.json: labels@2.0.0',
  ]);
  expect(classes(texts(by, lib({ licenses: [{ type: 'GPL-2.0' }] })))).toHaveLength(1);
  expect(classes(texts(by, { ...lib({}), 'vendor/labels/COPYING': GPL }))).toHaveLength(1);
  expect(classes(texts(by, lib({ license: 'ISC' })))).toEqual([]);
  expect(classes(texts({ ...by, license: 'GPL-3.0' }, lib({ license: 'GPL-3.0' })))).toEqual([]);
  const member = { 'packages/tax/package.json': '{"name":"@kiosk/tax","license":"SSPL-1.0"}' };
  expect(classes(texts({ dependencies: { '@kiosk/tax': 'workspace:*' } }, member))).toHaveLength(1);
  expect(classes(texts({ devDependencies: { '@kiosk/tax': '*' } }, member))).toEqual([
    'licence low package.json: @kiosk/tax@no version',
  ]);
  const own = { 'packages/tax/package.json': '{"name":"@kiosk/tax","license":"UNLICENSED"}' };
  expect(classes(texts({ dependencies: { '@kiosk/tax': 'workspace:*' } }, own))).toEqual([]);

  const pins = (dependencies: object) => loosePins(texts({ dependencies })).map(({ what }) => what);
  expect(pins({ labels: 'file:vendor/labels', tax: 'link:./packages/tax' })).toEqual([]);
  for (const outside of ['file:../labels', 'file:/opt/labels', 'link:vendor/../../labels'])
    expect(pins({ labels: outside })).toEqual([
      expect.stringContaining(`asks for "${outside}"`),
      'package.json has no lockfile',
    ]);
  expect(pins({ labels: 'file:vendor/labels', hono: '4.0.0' })).toEqual(['package.json has no lockfile']);
});

test('a criterion needs a check that ran and passed, and not hollow tests alone', () => {
  const ran: Checked = {
    suite: {
      tests: [
        ['passed', 'a.test.js > adds'],
        ['failed', 'a.test.js > takes away'],
        ['passed', 'a.test.js > has a floor'],
      ],
      proof: {
        without: { tests: 1, passing: ['a.test.js > has a floor'] },
        mutants: { why: 'not asked for' },
      },
    },
    probe: { checks: [{ name: 'cors', ran: true, requests: 3, ms: 1 }], findings: [] },
    gates: [],
  };
  const fault = (...checks: string[]) =>
    untiedCriteria([{ criterion: 'It holds', checks, where: 'c.yaml:1' }], ran).map(({ what }) => what)[0];
  expect([fault('adds'), fault('a.test.js > adds', 'probe:cors'), fault('adds', 'has a floor')]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  expect(fault()).toMatch(/is tied to no check\.$/);
  expect(fault('adds', 'takes away')).toMatch(/"takes away" has failed/);
  expect(fault('opens')).toMatch(/"opens" did not run/);
  expect(fault('probe:race')).toMatch(/did not run/);
  expect(fault('has a floor')).toMatch(/prove nothing/);
});

test('advisories hold for their ranges only', () => {
  const named = (name: string, version: string) => {
    const lock = { packages: { '': {}, [`node_modules/${name}`]: { version, license: 'MIT' } } };
    return packagesIn(new Map([['package-lock.json', JSON.stringify(lock)]])).findings.length;
  };
  expect([named('ws', '7.5.9'), named('ws', '7.5.10'), named('ws', '8.0.0'), named('ws', '8.17.1')]).toEqual([
    1, 0, 1, 0,
  ]);
  expect([named('minimist', '0.2.4'), named('minimist', '1.2.5'), named('async', '1.5.2')]).toEqual([
    0, 1, 0,
  ]);
  expect([
    named('node-serialize', '0.0.4'),
    named('node-serialize', 'x'),
    named('express', '4.16.0'),
  ]).toEqual([1, 0, 0]);
});

test('a placeholder in a file of examples is no credential; a real one there is, and a placeholder elsewhere', () => {
  const at = (path: string, text: string) => secretsIn(new Map([[path, Buffer.from(text)]])).length;
  const url = (password: string) => `DATABASE_URL=postgres://till:${password}@db.example.org/till`;
  for (const password of ['change-me-please', 'your_password', 'xxxxxxxx', 'password123', 'secret-password'])
    expect(at('.env.example', url(password)), password).toBe(0);
  expect(at('config/sample.env', url('replace-this'))).toBe(0);
  expect(at('.env.example', url('Kq7vTz29hLw'))).toBe(1);
  expect(at('.env.example', url('summer-evening'))).toBe(1);
  expect(at('src/db.ts', url('change-me-please'))).toBe(1);
  expect(at('.env.example', `KEY=${['AKIA', 'Q3EGRDJ7XOVW5PZT'].join('')}`)).toBe(1);
});

test('a file that listens is started though no script names it; a library is not', async () => {
  const kind = async (files: Files) => (await planFor(await project(files))).kind;
  const main = { 'package.json': '{"main":"index.js"}' };
  const server = "import http from 'node:http'; export const open = () => http.createServer().listen(3000);";
  expect(await kind({ ...main, 'index.js': 'export const add = (a, b) => a + b;' })).toBe('sources');
  expect(
    await kind({ ...main, 'index.js': "import { open } from './lib/app.js'; open();", 'lib/app.js': server }),
  ).toBe('command');
  expect(await kind({ ...main, 'index.js': "require('./lib')", 'lib/index.js': 'Bun.serve({});' })).toBe(
    'command',
  );
});
