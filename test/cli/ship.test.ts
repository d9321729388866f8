import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { faultIn } from '../../cli/ship/log.ts';
import { stopLocalRuntime } from '../../servers/core/target/local/local.ts';
import { startVercelStub, TEAM, TOKEN } from '../core/target/vercel_stub.ts';
import { buildOnce, type Desk, LAUNCHER, openRehearsed, PASSPHRASE } from './command.ts';

beforeAll(buildOnce, 120_000);

const RELEASE_MS = 90_000;
const CONFIG = { name: 'shop', main: 'index.js', compatibility_date: '2026-01-01' };
const worker = (answer: string) => `export default { fetch: () => new Response(${answer}) };\n`;
const infraAt = (target: string) =>
  stringify({
    product: 'shop',
    target,
    ...(target === 'vercel' ? { vercel: { project: 'shop' } } : { workers: [{ name: 'shop' }] }),
    health: { seconds: 0, slow_ms: 20_000, interval_ms: 100 },
  });

interface Shop extends Desk {
  /** Commits the Worker with this answer, and other files; returns the commit. */
  commit(answer: string, files?: Record<string, string>): Promise<string>;
  /** Ships what is committed, signed by the passphrase. */
  ship(...args: string[]): ReturnType<Desk['run']>;
}

/** A desk with a Worker of one line, two short gates, and a Vercel account at the stub. */
async function openShop(): Promise<Shop> {
  const stub = await startVercelStub();
  onTestFinished(() => stub.close());
  const desk = await openRehearsed();
  onTestFinished(async () => void (await stopLocalRuntime(join(desk.home, 'shop', 'targets', 'local'))));
  const file = join(desk.home, 'shop', 'factory.yaml');
  const factory = parse(await readFile(file, 'utf8'));
  factory.merge = { needs: ['docs', 'scan'] };
  factory.targets = { vercel: { team: TEAM, api: stub.url } };
  await writeFile(file, stringify(factory));
  const token = join(desk.folder, 'token');
  await writeFile(token, TOKEN);
  const applied = await desk.run(['factory', 'apply'], { input: PASSPHRASE });
  if (applied.exit !== 0) throw new Error(applied.stdout);
  await desk.run(['secret', 'set', 'VERCEL_TOKEN', '--target', 'vercel', '--file', token]);
  return {
    ...desk,
    run: (args, more) => desk.run(args, { timeout: RELEASE_MS, ...more }),
    async commit(answer, files = {}) {
      const all = { 'wrangler.jsonc': JSON.stringify(CONFIG), 'index.js': worker(answer), ...files };
      for (const [path, text] of Object.entries(all)) await writeFile(join(desk.repository, path), text);
      await desk.git(['add', '-A']);
      await desk.git(['commit', '-q', '--allow-empty', '-m', `Answers ${answer.slice(0, 40)}`]);
      return desk.git(['rev-parse', 'HEAD']);
    },
    ship: (...args) => desk.run(['ship', '.', '--yes', ...args], { input: PASSPHRASE, timeout: RELEASE_MS }),
  };
}

/** What `releases --json` says of one product. */
interface Stand {
  target: string;
  serves: { release: string; version: string };
  newest: { release: string; steps: { step: string; healthy: boolean }[] };
}

const at = async (url: unknown) => (await fetch(String(url))).text();

test('ship takes a folder to an address, resumes after a Ctrl-C, goes back by version, and refuses in one sentence', async () => {
  const shop = await openShop();
  await shop.commit("'one'", { 'infra.yaml': infraAt('local') });
  await refused(shop, ['ship', '.', '--target', 'moon'], 'TARGET');
  await refused(shop, ['ship', '.'], 'NO_TERMINAL');
  await refused(shop, ['ship', '.', '--yes'], 'SIGNATURE_REFUSED', 'wrong');
  await writeFile(
    join(shop.repository, 'index.js'),
    "import absent from 'absent';\nexport default absent;\n",
  );
  await shop.git(['commit', '-qam', 'Broken']);
  expect((await shop.ship()).json.error).toEqual({
    code: 'GATE_CLOSED',
    message: `The Worker can't be released: it does not build: Could not resolve "absent" (index.js:1).`,
    remedy: `Correct it, commit and ship again. All of it: ${join(shop.home, 'shop', 'ship.log')}`,
  });
  const first = await shop.commit("'one'");
  const shipped = await shop.ship();
  expect(shipped).toMatchObject({
    exit: 0,
    json: {
      ok: true,
      product: 'shop',
      commit: first,
      release: 'R-1',
      state: 'live',
      changes: ['create worker shop'],
      gates: [
        { gate: 'docs', closed: true },
        { gate: 'scan', closed: true },
      ],
    },
  });
  const url: unknown = shipped.json.url;
  expect(await at(url)).toBe('one');

  await shop.commit("'two'");
  await interruptedAt(shop, 'building in the sandbox');
  await interruptedAt(shop, 'preview:');
  expect(await standOf(shop)).toMatchObject({ serves: { release: 'R-1' }, newest: { release: 'R-2' } });
  expect(await shop.run(['releases', 'resume'])).toMatchObject({
    exit: 0,
    json: { resumed: [{ release: 'R-2', state: 'live', url }] },
  });
  expect(await at(url)).toBe('two');
  const { serves, newest } = await standOf(shop);
  const all = ['preview', 'staging', 'canary-10', 'canary-50', 'production'];
  expect(newest.steps.map(({ step }) => step)).toEqual(all);

  await refused(shop, ['rollback', 'shop', 'R-99'], 'NOT_FOUND');
  await refused(shop, ['rollback', 'shop', serves.version], 'ALREADY');
  expect(await shop.run(['rollback', 'shop'])).toMatchObject({
    exit: 0,
    json: { left: ['R-2'], serves: { release: 'R-1' }, verified: true },
  });
  expect(await at(url)).toBe('one');
}, 240_000);

test.runIf(process.env.LONG_TESTS === '1')(
  'at Vercel a release has no canaries, and a bad version comes back',
  async () => {
    const shop = await openShop();
    const ship = () => shop.ship('--target', 'vercel');
    await shop.commit("'one'", { 'infra.yaml': infraAt('vercel') });
    const one = await ship();
    expect(one).toMatchObject({ exit: 0, json: { state: 'live', changes: ['create worker shop'] } });
    await shop.commit("'two'");
    expect(await ship()).toMatchObject({
      exit: 0,
      json: { release: 'R-2', changes: ['nothing worker shop'] },
    });
    const { newest } = await standOf(shop, 'vercel');
    expect(newest.steps.map(({ step }) => step)).toEqual(['preview', 'staging', 'production']);
    await shop.commit("'three', { status: 500 }");
    const three = await ship();
    expect(three).toMatchObject({ exit: 1, json: { release: 'R-3', error: { code: 'NOT_HEALTHY' } } });
    expect(await at(one.json.url)).toBe('two');
    expect(await standOf(shop, 'vercel')).toMatchObject({
      serves: { release: 'R-2' },
      newest: { steps: [{ step: 'preview' }, { step: 'staging', healthy: false }] },
    });
    expect(await shop.run(['rollback', 'shop'])).toMatchObject({
      exit: 0,
      json: { serves: { release: 'R-1' } },
    });
    expect(await at(one.json.url)).toBe('one');
    const record = await shop.run(['record', 'tail']);
    const ran = [record, one, three].map(({ stdout, stderr }) => stdout + stderr).join('\n');
    expect(ran).not.toContain(TOKEN);
  },
  180_000,
);

async function refused(shop: Shop, args: string[], code: string, input = ''): Promise<void> {
  const { exit, json } = await shop.run(args, { input });
  expect({ exit: exit !== 0, code: json.error?.code }, args.join(' ')).toEqual({ exit: true, code });
}

async function standOf(shop: Shop, target = 'local'): Promise<Stand> {
  const products = (await shop.run(['releases'])).json.products as never as Stand[];
  return products.find((one) => one.target === target) as Stand;
}

/** Ships, and presses Ctrl-C once the progress says this. */
async function interruptedAt(shop: Shop, words: string): Promise<void> {
  const env = { PATH: process.env.PATH ?? '', HOME: shop.folder, MILLWRIGHT_HOME: shop.home };
  const given = { input: PASSPHRASE, env, extendEnv: false, cwd: shop.repository };
  const running = execa(process.execPath, [LAUNCHER, 'ship', '.', '--yes', '--json'], {
    ...given,
    reject: false,
    timeout: RELEASE_MS,
  });
  let seen = false;
  running.stderr.on('data', (text) => {
    if (seen || !String(text).includes(words)) return;
    seen = true;
    running.kill('SIGINT');
  });
  const { exitCode, stdout } = await running;
  expect({ seen, exitCode, ...JSON.parse(stdout) }).toMatchObject({
    seen: true,
    exitCode: 130,
    error: { code: 'INTERRUPTED', remedy: expect.stringContaining('millwright releases resume') },
  });
}

test.runIf(process.env.LONG_TESTS === '1')(
  'a destructive migration waits for its own checkpoint',
  async () => {
    const shop = await openShop();
    await mkdir(join(shop.repository, 'migrations'));
    const d1_databases = [{ binding: 'DB', database_name: 'shop' }];
    const files = {
      'wrangler.jsonc': JSON.stringify({ ...CONFIG, d1_databases }),
      'infra.yaml': `${infraAt('local')}d1: [shop]\n`,
      'index.js': `export default { fetch: async (_, env) => {
      const { results } = await env.DB.prepare("SELECT name FROM pragma_table_info('orders')").all();
      return new Response(results.map(({ name }) => name).join(' '));
    } };\n`,
      'README.md': 'Orders\n',
      'migrations/0001.sql': 'CREATE TABLE orders (id INTEGER, note TEXT);\n',
    };
    await shop.commit('', files);
    const first = await shop.ship();
    expect(first.json).toMatchObject({ state: 'live' });
    expect(await at(first.json.url)).toBe('id note');

    await shop.commit('', {
      ...files,
      'README.md': 'Orders without notes\n',
      'migrations/0002.sql': 'ALTER TABLE orders DROP COLUMN note;\n',
    });
    const refusedOnce = await shop.ship();
    expect(refusedOnce.json.error).toMatchObject({
      code: 'NOT_CUT',
      message: expect.stringMatching(/^The migration 0002\.sql drops a column.* C-1 is open\.$/),
      remedy: expect.stringContaining('`millwright approve`'),
    });
    expect(await at(first.json.url)).toBe('id note');
    expect((await shop.run(['approve', 'C-1'], { input: PASSPHRASE })).json).toMatchObject({ ok: true });
    expect((await shop.ship()).json).toMatchObject({ state: 'live' });
    expect(await at(first.json.url)).toBe('id');
  },
  180_000,
);

test.runIf(process.env.LONG_TESTS === '1')(
  'a product in a subfolder is shipped at its commit, with what its own build makes of it',
  async () => {
    const shop = await openShop();
    const web = join(shop.repository, 'apps', 'web');
    await mkdir(web, { recursive: true });
    const files = {
      'README.md': 'The web\n',
      'infra.yaml': infraAt('local'),
      'package.json': JSON.stringify({ name: 'web', scripts: { build: 'node make.mjs' } }),
      'make.mjs': `import { mkdirSync, writeFileSync } from 'node:fs';
        mkdirSync('dist');
        writeFileSync('dist/index.js', ${JSON.stringify(worker("'built'"))});\n`,
      'wrangler.jsonc': JSON.stringify({ ...CONFIG, main: 'dist/index.js' }),
    };
    for (const [path, text] of Object.entries(files)) await writeFile(join(web, path), text);
    await refused(shop, ['ship', 'nowhere', '--yes'], 'NO_FOLDER');
    await refused(shop, ['ship', 'apps/web', '--yes'], 'NO_COMMIT');
    await shop.git(['add', 'apps']);
    await shop.git(['commit', '-qm', 'The web']);
    const commit = await shop.git(['rev-parse', 'HEAD']);
    const ship = (...more: string[]) =>
      shop.run(['ship', 'apps/web', '--yes', ...more], { input: PASSPHRASE, timeout: RELEASE_MS });
    const none = await ship('--build', 'none');
    expect(none.json.error?.message).toMatch(/^The Worker can't be released: it does not build: /);
    expect((await ship('--build', 'absent')).json.error).toMatchObject({
      message: 'package.json has no script "absent"; it has build.',
    });
    const shipped = await ship();
    expect(shipped.json).toMatchObject({ commit, folder: 'apps/web', build: 'npm run build', state: 'live' });
    expect(await at(shipped.json.url)).toBe('built');
    const printed = await shop.run(['ship', 'apps/web', '--print']);
    expect(printed.stdout).toContain('build: ');
  },
  180_000,
);

test('a build that fails is one sentence: its first error with the place', () => {
  const log = [
    "R-1: The Worker can't be released: it does not build. ⛅️ wrangler",
    '✘ [ERROR] Build failed with 2 errors:',
    '',
    '  ✘ [ERROR] Could not resolve "hono"',
    '  ',
    '      ../src/index.ts:1:17:',
    "        1 │ import { Hono } from 'hono'",
    '  ✘ [ERROR] Another',
  ].join('\n');
  expect(faultIn(log)).toBe('Could not resolve "hono" (src/index.ts:1)');
  expect(faultIn('✘ [ERROR] The entry-point file was not found.\n')).toBe(
    'The entry-point file was not found',
  );
  expect(faultIn('> tsc\n\nsrc/a.ts(3,1): error TS2304: Cannot find name.\nnpm error code 2\n')).toBe(
    'src/a.ts(3,1): error TS2304: Cannot find name',
  );
  expect(faultIn('> vite build\nsh: 1: vite: not found\n')).toBe('sh: 1: vite: not found');
  expect(faultIn('npm error code E404\nnpm error 404 Not Found - GET https://r.invalid/a\n')).toBe(
    'npm error 404 Not Found - GET https://r.invalid/a',
  );
  expect(faultIn('all is well')).toBeUndefined();
});
