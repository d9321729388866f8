import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { dependencyLayer } from '../../../servers/core/sandbox/dependencies.ts';
import { openSandbox, type Sandbox } from '../../../servers/core/sandbox/sandbox.ts';

/** A registry with one package, whose install script says whether it can reach that registry. */
let sandbox: Sandbox;
let folder: string;
let tarball: Buffer;
let served = 0;
const registry = createServer((request, answer) => {
  if (request.url?.endsWith('.tgz')) {
    served++;
    answer.end(tarball);
  } else answer.writeHead(404).end();
});
const other = createServer((_request, answer) => answer.end('other'));
const portOf = (server: typeof registry) => (server.address() as AddressInfo).port;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millwright-deps-'));
  for (const server of [registry, other])
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const reach = `fetch('http://127.0.0.1:${portOf(registry)}/x')
    .then(() => 'online', () => 'offline').then((text) => require('node:fs').writeFileSync('built.txt', text))`;
  const manifest = { name: 'greeter', version: '1.0.0', scripts: { postinstall: 'node build.js' } };
  await mkdir(join(folder, 'package'));
  await writeFile(join(folder, 'package/package.json'), JSON.stringify(manifest));
  await writeFile(join(folder, 'package/build.js'), reach);
  await execa('tar', ['-czf', 'greeter.tgz', 'package'], { cwd: folder });
  tarball = await readFile(join(folder, 'greeter.tgz'));
  process.env['npm_config_registry'] = `http://127.0.0.1:${portOf(registry)}/`;
  sandbox = await openSandbox();
});

afterAll(async () => {
  await execa('chmod', ['-R', 'u+w', folder]);
  await rm(folder, { recursive: true });
  delete process.env['npm_config_registry'];
  registry.close();
  other.close();
});

async function project(version: string): Promise<string> {
  const lockfileDir = await mkdtemp(join(folder, 'project-'));
  const dependencies = { greeter: '1.0.0' };
  const integrity = `sha512-${createHash('sha512').update(tarball).digest('base64')}`;
  const resolved = `http://127.0.0.1:${portOf(registry)}/greeter/-/greeter-1.0.0.tgz`;
  const root = { name: 'product', version, dependencies };
  const greeter = { version: '1.0.0', resolved, integrity, hasInstallScript: true };
  const packages = { '': root, 'node_modules/greeter': greeter };
  await writeFile(join(lockfileDir, 'package.json'), JSON.stringify(root));
  await writeFile(
    join(lockfileDir, 'package-lock.json'),
    JSON.stringify({ ...root, lockfileVersion: 3, packages }),
  );
  return lockfileDir;
}

test('installs a lockfile once, whoever asks, and runs install scripts without a network', async () => {
  const [lockfileDir, store] = [await project('1.0.0'), join(folder, 'store')];
  const ask = () => dependencyLayer(sandbox, { lockfileDir, store });
  const [one, two] = await Promise.all([ask(), ask()]);
  expect(one).toEqual(two);
  expect(await readdir(store)).toEqual([one.digest]);
  expect(await readFile(join(one.path, 'greeter/built.txt'), 'utf8')).toBe('offline');

  const before = served;
  expect(before).toBeGreaterThan(0);
  expect(await ask()).toEqual(one);
  expect(served).toBe(before);
  const changed = await dependencyLayer(sandbox, { lockfileDir: await project('1.0.1'), store });
  expect(changed.digest).not.toBe(one.digest);

  const layers = [{ from: one.path, at: '/node_modules' }];
  const work = await mkdtemp(join(folder, 'work-'));
  const command = ['node', '-p', 'require("greeter/package.json").version'] as const;
  expect(await sandbox.run({ command, work, layers })).toMatchObject({ stdout: '1.0.0\n' });
});

test('refuses a folder without a lockfile and one whose lockfile does not match', async () => {
  const lockfileDir = await project('2.0.0');
  const store = join(folder, 'store-2');
  await writeFile(join(lockfileDir, 'package.json'), '{"dependencies":{"greeter":"2.0.0"}}');
  await expect(dependencyLayer(sandbox, { lockfileDir, store })).rejects.toThrow('npm ci');
  expect(await readdir(store)).toEqual([]);
  await expect(dependencyLayer(sandbox, { lockfileDir: folder, store })).rejects.toThrow('result file');
});

test('lets nothing but the registry through the proxy', async () => {
  const script = `const http = require('node:http');
    const proxy = new URL(process.env.npm_config_proxy);
    const via = { host: proxy.hostname, port: proxy.port };
    const get = (path) => new Promise((done) => http.get({ ...via, path }, (r) => done(r.resume().statusCode)));
    const tunnel = (path) => new Promise((done) => http.request({ ...via, method: 'CONNECT', path })
      .on('connect', (r, s) => { s.destroy(); done(r.statusCode); }).on('error', () => done('error')).end());
    (async () => {
      const [ours, theirs] = process.argv.slice(1);
      console.log(JSON.stringify([await get('http://' + ours + '/x.tgz'), await get('http://' + theirs + '/'), await tunnel(ours), await tunnel(theirs)]));
      process.exit();
    })();`;
  const hosts = [registry, other].map((server) => `127.0.0.1:${portOf(server)}`);
  const work = await mkdtemp(join(folder, 'work-'));
  const command = ['node', '-e', script, '--', ...hosts] as const;
  expect(await (await fetch(`http://${hosts[1]}`)).text()).toBe('other');
  const result = await sandbox.run({ command, work, network: 'registry' });
  expect(result.stdout).toBe('[200,403,200,403]\n');
});
