import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { readAssets } from '../../../servers/core/target/assets_files.ts';
import { builtSource } from '../../../servers/core/target/built_source.ts';
import { projectBuildOf } from '../../../servers/core/target/project_build.ts';
import { readWorkerConfig } from '../../../servers/core/target/worker_config.ts';

async function checkout(files: Record<string, string>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'checkout-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  return folder;
}

const config = (keys: object = {}) =>
  readWorkerConfig(
    JSON.stringify({ name: 'shop', main: 'src/a.ts', compatibility_date: '2026-01-01', ...keys }),
  );
const manifest = (more: object = {}) => ({
  'package.json': JSON.stringify({ scripts: { build: 'x', pages: 'y', '--odd': 'z' }, ...more }),
});
const SOURCES = { 'src/a.ts': '' };

test('what is run first is what a person names, the config says, or the commit lacks; nothing else', async () => {
  const whole = await checkout({ ...manifest(), ...SOURCES });
  const shown = async (folder: string, source = config(), choice?: string) =>
    (await projectBuildOf(folder, source, choice))?.shown ?? null;
  expect(await shown(whole)).toBeNull();
  expect(await shown(whole, config(), 'pages')).toBe('npm run pages');
  const named = config({ build: { command: 'make all', cwd: '.', watch_dir: 'src' } });
  expect(await shown(whole, named)).toBe('make all');
  expect(await shown(whole, named, 'none')).toBeNull();
  expect(await shown(whole, config({ main: 'dist/a.js' }))).toBe('npm run build');
  expect(await shown(whole, config({ assets: { directory: 'dist' } }))).toBe('npm run build');
  expect(await shown(whole, config({ assets: {} }))).toBe('npm run build');
  const plugin = await checkout({
    ...manifest({ devDependencies: { '@cloudflare/vite-plugin': '1' } }),
    ...SOURCES,
  });
  expect(await shown(plugin)).toBe('npm run build');
  expect(await shown(await checkout({}), config({ main: 'dist/a.js' }))).toBeNull();
  for (const choice of ['absent', '--odd', 'build; touch x', 'toString'])
    await expect(shown(whole, config(), choice)).rejects.toThrow(
      /^package\.json has no script .*; it has build, pages\.$/,
    );
  expect(() => config({ build: { command: 'make', cwd: 'web' } })).toThrow('wrong at build.cwd');
});

const REDIRECT = '.wrangler/deploy/config.json';
const made = (value: object, configPath = '../../dist/shop/wrangler.json') =>
  checkout({
    [REDIRECT]: JSON.stringify({ configPath }),
    'dist/shop/wrangler.json': JSON.stringify({ name: 'shop', ...value }),
  });

test('of what a build says it made only paths are taken, and no other Worker or binding', async () => {
  const source = config({ kv_namespaces: [{ binding: 'KV' }] });
  expect(await builtSource(await checkout({}), source)).toEqual({ main: 'src/a.ts', assets: null });
  const sound = await made({
    main: 'index.js',
    assets: { directory: '../client' },
    kv_namespaces: [{ binding: 'KV' }],
  });
  expect(await builtSource(sound, source)).toEqual({ main: 'dist/shop/index.js', assets: 'dist/client' });
  const refused = async (folder: Promise<string>) => builtSource(await folder, source);
  await expect(refused(made({ name: 'other' }))).rejects.toThrow('makes the Worker "other"');
  await expect(refused(made({ main: '../../../etc/x.js' }))).rejects.toThrow('is not in the repository');
  await expect(refused(made({}, '../../../../etc/passwd'))).rejects.toThrow('is not in the repository');
  await expect(refused(made({ r2_buckets: [{ binding: 'ALL' }] }))).rejects.toThrow('adds the binding "ALL"');
  const object = { durable_objects: { bindings: [{ name: 'ROOM', class_name: 'Room' }] } };
  await expect(refused(made(object))).rejects.toThrow('adds the binding "ROOM"');
});

test('what .assetsignore names and what is code is not served; the last pattern that matches decides', async () => {
  const dir = await checkout({
    'dist/.assetsignore': '# code\n_worker\n*.map\nprivate/\n!keep.map\n/top.txt\n\\#notes*\n',
    'dist/_worker/index.js': '',
    'dist/_worker.js/index.js': '',
    'dist/_headers': '',
    'dist/_routes.json': '{}',
    'dist/a.js.map': '',
    'dist/x/keep.map': '',
    'dist/x/private/key.txt': '',
    'dist/#notes (1).txt': '',
    'dist/top.txt': '',
    'dist/x/top.txt': '',
    'dist/index.html': '',
  });
  const files = await readAssets(dir, 'dist');
  expect(files.map(({ path }) => path)).toEqual([
    'assets/_headers',
    'assets/index.html',
    'assets/x/keep.map',
    'assets/x/top.txt',
  ]);
  const from = await checkout({ 'pages/dist/index.html': 'of a package' });
  const [file] = await readAssets(dir, 'node_modules/pages/dist', [{ from, at: '/node_modules' }]);
  expect(Buffer.from(file?.bytes ?? []).toString()).toBe('of a package');
});
