import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { plainChild } from '../../../servers/core/sandbox/plain.ts';
import { openSandbox, type Sandbox } from '../../../servers/core/sandbox/sandbox.ts';
import { bundleWorker } from '../../../servers/core/target/bundle.ts';
import { bundleDigest } from '../../../servers/core/target/digest.ts';
import { openLocalTarget } from '../../../servers/core/target/local/local.ts';
import { all, answer, stateFolder } from './workers.ts';

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await openSandbox();
});

async function checkout(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'checkout-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  await cp(fileURLToPath(new URL('fixture', import.meta.url)), dir, { recursive: true });
  return dir;
}

async function layer(): Promise<{ from: string; at: string }> {
  const from = await mkdtemp(join(tmpdir(), 'layer-'));
  onTestFinished(() => rm(from, { recursive: true, force: true }));
  await chmod(from, 0o755);
  await mkdir(join(from, 'emphasis'));
  await writeFile(join(from, 'emphasis', 'package.json'), '{"name":"emphasis","main":"index.js"}');
  await writeFile(join(from, 'emphasis', 'index.js'), 'export const emphasis = "!";');
  return { from, at: '/node_modules' };
}

test('what the sandbox built is what the target serves, and it has one digest wherever it is built', async () => {
  const [first, second] = [await checkout(), await checkout()];

  const built = await bundleWorker(sandbox, { checkout: first });
  const kept = { folder: join(await stateFolder(), 'builds'), tree: 'a'.repeat(40), dependencies: null };
  const again = await bundleWorker(sandbox, { checkout: second, kept });

  expect(again.digest).toBe(built.digest);
  expect(built.digest).toBe(bundleDigest(built.files));
  expect(built.isolation).toBe(sandbox.isolation);
  expect(built.config.main).toBe('index.js');
  expect(built.migrations.map(({ database, name }) => `${database}/${name}`)).toEqual([
    'notes/0001_note.sql',
  ]);
  expect(built.files.map(({ path }) => path)).toEqual([expect.stringMatching(/-page\.html$/), 'index.js']);

  // A commit is built once: another build of it would have to run, and this sandbox runs nothing.
  const [third, fourth] = [await checkout(), await checkout()];
  const idle = { ...sandbox, run: () => Promise.reject(new Error('it ran')) };
  expect(await bundleWorker(idle, { checkout: third, kept })).toMatchObject({
    digest: built.digest,
    config: built.config,
    isolation: built.isolation,
  });
  const other = { ...kept, tree: 'b'.repeat(40) };
  await expect(bundleWorker(idle, { checkout: fourth, kept: other })).rejects.toThrow('it ran');
  const [name = ''] = await readdir(kept.folder);
  const text = await readFile(join(kept.folder, name), 'utf8');
  await writeFile(
    join(kept.folder, name),
    text.replace(built.digest, built.digest.replaceAll(/[0-9]/g, '0')),
  );
  await expect(bundleWorker(idle, { checkout: await checkout(), kept })).rejects.toThrow('it ran');

  const target = await openLocalTarget({ dir: await stateFolder() });
  await target.ensure({ kind: 'worker', name: 'notes' });
  await target.ensure({ kind: 'd1', name: 'notes' });
  const { files, digest: bundle, config, migrations } = built;
  await target.upload({ product: 'notes', version: '1.0.0', bundle, files, config, migrations, secrets: {} });
  await target.migrate('notes', '1.0.0');
  const { url } = await target.split('notes', all('1.0.0'));
  expect(await answer(url)).toBe('200 hello 0 <p>page</p>\n');
});

test('dependencies come from the layer, and sources that do not build say why', async () => {
  const dir = await checkout();
  const source = `import { emphasis } from 'emphasis';\nexport default { fetch: () => new Response(emphasis) };\n`;
  await writeFile(join(dir, 'src/index.ts'), source);

  const built = await bundleWorker(sandbox, { checkout: dir, layers: [await layer()] });
  expect(Buffer.from(built.files[0]?.bytes ?? []).toString()).toContain('emphasis = "!"');

  await rm(join(dir, '.millwright'), { recursive: true });
  await expect(bundleWorker(sandbox, { checkout: dir })).rejects.toMatchObject({
    code: 'GATE_CLOSED',
    cause: { message: expect.stringContaining('Could not resolve "emphasis"') },
  });
});

test('a checkout that leads the server elsewhere is refused before anything runs', async () => {
  const outside = await checkout();
  const [linked, prepared, migrations] = [await checkout(), await checkout(), await checkout()];
  await rm(join(linked, 'wrangler.jsonc'));
  await symlink(join(outside, 'wrangler.jsonc'), join(linked, 'wrangler.jsonc'));
  await mkdir(join(prepared, '.millwright'));
  await rm(join(migrations, 'migrations'), { recursive: true });
  await symlink(join(outside, 'migrations'), join(migrations, 'migrations'));

  await expect(bundleWorker(sandbox, { checkout: linked })).rejects.toThrow('must be an ordinary file');
  await expect(bundleWorker(sandbox, { checkout: prepared })).rejects.toThrow('must not contain .millwright');
  await expect(bundleWorker(sandbox, { checkout: migrations })).rejects.toThrow('must be an ordinary file');
  await writeFile(join(outside, 'wrangler.toml'), 'name = "other"');
  await expect(bundleWorker(sandbox, { checkout: outside })).rejects.toThrow('exactly one Worker config');
});

test('where nothing can be mounted the build says that it was not contained', async () => {
  const uncontained = await openSandbox({ accept: 'none', engines: [plainChild] });

  const built = await bundleWorker(uncontained, { checkout: await checkout() });

  expect(built.isolation).toBe('none');
  expect(built.config.main).toBe('index.js');
});

/** A build that says what it can reach, and makes a Worker that answers with it. */
const MAKE = `
import { mkdir, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { word } from 'said';
const net = await new Promise((done) => {
  createConnection({ host: '203.0.113.1', port: 80, timeout: 2000 })
    .on('connect', () => done('reached'))
    .on('timeout', () => done('waits'))
    .on('error', ({ code }) => done(code));
});
await mkdir('dist');
await writeFile('dist/page.md', JSON.stringify({ word, net, env: Object.keys(process.env).filter((name) => !/^(npm|NODE|COLOR|INIT|EDITOR|_$)/.test(name)) }));
await writeFile('dist/index.js', 'import page from "./page.md"; export default { fetch: () => new Response(page) };');
`;

test("a product's own build runs in the sandbox with nothing in reach, and what it makes is served, by its rules", async () => {
  const dir = await checkout();
  const modules = await mkdtemp(join(tmpdir(), 'layer-'));
  onTestFinished(() => rm(modules, { recursive: true, force: true }));
  await chmod(modules, 0o755);
  await mkdir(join(modules, 'said'));
  await writeFile(join(modules, 'said', 'index.js'), "export const word = 'built';");
  await writeFile(join(modules, 'said', 'package.json'), '{"name":"said","type":"module","main":"index.js"}');
  const config = {
    name: 'made',
    main: 'dist/index.js',
    compatibility_date: '2026-01-01',
    rules: [{ type: 'Text', globs: ['**/*.md'] }],
    build: { command: 'node make.mjs && test ! -e .millwright' },
  };
  await writeFile(join(dir, 'wrangler.jsonc'), JSON.stringify(config));
  await writeFile(join(dir, 'make.mjs'), MAKE);
  process.env.CANARY_OF_THE_SERVER = 'secret';
  onTestFinished(() => void delete process.env.CANARY_OF_THE_SERVER);
  const layers = [{ from: modules, at: '/node_modules' }];

  const built = await bundleWorker(sandbox, { checkout: dir, layers });

  expect(built).toMatchObject({ build: config.build.command, config: { modules: { md: 'Text' } } });
  const page = built.files.find(({ path }) => path.endsWith('.md'));
  const { word, net, env } = JSON.parse(Buffer.from(page?.bytes ?? []).toString());
  expect(word).toBe('built');
  expect(net).toMatch(/^E/);
  expect(env.sort()).toEqual(['CI', 'HOME', 'LANG', 'PATH', 'PWD', 'TMPDIR']);
  const target = await openLocalTarget({ dir: await stateFolder() });
  await target.ensure({ kind: 'worker', name: 'made' });
  const { files, digest: bundle, migrations } = built;
  const version = {
    product: 'made',
    version: '1',
    bundle,
    files,
    config: built.config,
    migrations,
    secrets: {},
  };
  await target.upload(version);
  expect(await answer((await target.split('made', all('1'))).url)).toContain('"word":"built"');
});

test('a build that fails is told by its command, and one that makes the folder of the server is refused', async () => {
  const config = (command: string) =>
    JSON.stringify({ name: 'a', main: 'a.js', compatibility_date: '2026-01-01', build: { command } });
  const dir = await checkout();
  await writeFile(join(dir, 'wrangler.jsonc'), config('echo no >&2; exit 3'));
  await expect(bundleWorker(sandbox, { checkout: dir })).rejects.toMatchObject({
    rule: 'release.build',
    message: "The Worker can't be released: its build `echo no >&2; exit 3` ended with 3.",
    cause: { message: 'no' },
  });
  await writeFile(join(dir, 'package.json'), '{"dependencies":{"hono":"4.0.0"}}');
  await expect(bundleWorker(sandbox, { checkout: dir })).rejects.toThrow('there is no package-lock.json');
  await writeFile(join(dir, 'wrangler.jsonc'), config('mkdir .millwright'));
  await expect(bundleWorker(sandbox, { checkout: dir })).rejects.toThrow('must not contain .millwright');
});
