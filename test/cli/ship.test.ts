import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { stopLocalRuntime } from '../../servers/core/target/local/local.ts';
import { startVercelStub, TEAM, TOKEN, type VercelStub } from '../core/target/vercel_stub.ts';
import { buildOnce, type Desk, LAUNCHER, openRehearsed, PASSPHRASE } from './command.ts';

beforeAll(buildOnce, 120_000);

const RELEASE_MS = 60_000;
const CONFIG = { name: 'shop', main: 'index.js', compatibility_date: '2026-01-01' };
const worker = (answer: string) => `export default { fetch: () => new Response(${answer}) };\n`;
const infraAt = (target: string) =>
  stringify({
    product: 'shop',
    target,
    ...(target === 'vercel' ? { vercel: { project: 'shop' } } : { workers: [{ name: 'shop' }] }),
    health: { seconds: 0, interval_ms: 100 },
  });

interface Shop extends Desk {
  stub: VercelStub;
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
  const applied = await desk.run(['factory', 'apply'], { input: PASSPHRASE });
  if (applied.exit !== 0) throw new Error(applied.stdout);
  return {
    ...desk,
    stub,
    async commit(answer, files = {}) {
      const all = { 'wrangler.jsonc': JSON.stringify(CONFIG), 'index.js': worker(answer), ...files };
      for (const [path, text] of Object.entries(all)) await writeFile(join(desk.repository, path), text);
      await desk.git(['add', '-A']);
      await desk.git(['commit', '-q', '--allow-empty', '-m', answer.slice(0, 40)]);
      return desk.git(['rev-parse', 'HEAD']);
    },
    ship: (...args) => desk.run(['ship', '.', '--yes', ...args], { input: PASSPHRASE, timeout: RELEASE_MS }),
  };
}

/** What `releases --json` says of one product. */
interface Stand {
  serves: { release: string; version: string };
  newest: { release: string; steps: { step: string; healthy: boolean }[] };
}

const at = async (url: unknown) => (await fetch(String(url))).text();

test('ship takes a folder to an address; a Ctrl-C is taken on by resume, and rollback goes back by version', async () => {
  const shop = await openShop();
  const first = await shop.commit("'one'", { 'infra.yaml': infraAt('local') });
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
  const args = ['ship', '.', '--yes', '--json'];
  const env = { PATH: process.env.PATH ?? '', HOME: shop.folder, MILLWRIGHT_HOME: shop.home };
  const running = execa(process.execPath, [LAUNCHER, ...args], {
    cwd: shop.repository,
    input: PASSPHRASE,
    env,
    extendEnv: false,
    reject: false,
    timeout: RELEASE_MS,
  });
  let interrupted = false;
  running.stderr.on('data', (text) => {
    if (interrupted || !String(text).includes('preview:')) return;
    interrupted = true;
    running.kill('SIGINT');
  });
  expect((await running).exitCode).not.toBe(0);
  expect(interrupted).toBe(true);
  const open = await shop.run(['releases']);
  expect(open.json).toMatchObject({ products: [{ serves: { release: 'R-1' }, newest: { release: 'R-2' } }] });
  expect(await shop.run(['releases', 'resume'], { timeout: RELEASE_MS })).toMatchObject({
    exit: 0,
    json: { resumed: [{ release: 'R-2', state: 'live', url }] },
  });
  expect(await at(url)).toBe('two');
  expect((await shop.run(['releases', 'resume'])).json).toMatchObject({ resumed: [] });
  const [stands] = (await shop.run(['releases'])).json.products as never as [Stand];
  expect(stands).toMatchObject({ product: 'shop', target: 'local', serves: { release: 'R-2' } });
  expect(stands.newest.steps.map(({ step }) => step)).toEqual([
    'preview',
    'staging',
    'canary-10',
    'canary-50',
    'production',
  ]);
  expect((await shop.say(['releases'])).stdout).toMatch(/^product .*\n.*shop +local +R-2 http/m);

  const refusals: [string[], string][] = [
    [['rollback', 'shop', 'R-99'], 'NOT_FOUND'],
    [['rollback', 'nothing'], 'NOT_FOUND'],
    [['rollback', 'shop', stands.serves.version], 'ALREADY'],
  ];
  for (const [refused, code] of refusals) {
    const { exit, json } = await shop.run(refused);
    expect({ exit: exit !== 0, code: json.error?.code }, refused.join(' ')).toEqual({ exit: true, code });
  }
  expect(await shop.run(['rollback', 'shop'])).toMatchObject({
    exit: 0,
    json: { left: ['R-2'], serves: { release: 'R-1' }, verified: true },
  });
  expect(await at(url)).toBe('one');
}, 180_000);

test('ship refuses in one sentence, and nothing is released; at Vercel a release has no canaries and comes back', async () => {
  const shop = await openShop();
  const token = join(shop.folder, 'token');
  await writeFile(token, TOKEN);
  await shop.run(['secret', 'set', 'VERCEL_TOKEN', '--target', 'vercel', '--file', token]);
  await shop.commit("'one'", { 'infra.yaml': infraAt('vercel') });
  const refusals: [string[], string, Parameters<Desk['run']>[1]?][] = [
    [['ship', '.', '--target', 'moon'], 'TARGET'],
    [['ship', shop.folder], 'NO_REPOSITORY'],
    [['ship', '.', '--target', 'vercel'], 'NO_TERMINAL'],
    [['ship', '.', '--target', 'vercel', '--yes'], 'SIGNATURE_REFUSED', { input: 'wrong' }],
  ];
  for (const [args, code, more] of refusals) {
    const { exit, json } = await shop.run(args, more);
    expect({ exit: exit !== 0, code: json.error?.code }, args.join(' ')).toEqual({ exit: true, code });
  }
  expect((await shop.run(['releases'])).json).toMatchObject({ products: [] });
  expect(shop.stub.writes()).toEqual([]);

  expect(await shop.ship('--target', 'vercel')).toMatchObject({ exit: 0, json: { state: 'live' } });
  await shop.commit("'two'");
  const { json } = await shop.ship('--target', 'vercel');
  expect(json).toMatchObject({ release: 'R-2', state: 'live', changes: ['nothing worker shop'] });
  expect(await at(json.url)).toBe('two');
  await shop.commit("'three', { status: 500 }");
  const bad = await shop.ship('--target', 'vercel');
  expect(bad).toMatchObject({ exit: 1, json: { release: 'R-3', error: { code: 'NOT_HEALTHY' } } });
  expect(await at(json.url)).toBe('two');
  const [stands] = (await shop.run(['releases'])).json.products as never as [Stand];
  expect(stands.serves.release).toBe('R-2');
  expect(stands.newest.steps).toMatchObject([{ step: 'preview' }, { step: 'staging', healthy: false }]);
  const record = await shop.run(['record', 'tail']);
  const text = [record.stdout, bad.stdout, bad.stderr, JSON.stringify(stands)].join('\n');
  expect(text).not.toContain(TOKEN);
}, 180_000);
