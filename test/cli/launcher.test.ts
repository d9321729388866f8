import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { VERSION } from '../../servers/core/version.ts';
import { buildOnce, LAUNCHER, ROOT } from './command.ts';

beforeAll(buildOnce);

async function folder() {
  const path = await mkdtemp(join(tmpdir(), 'millwright-launcher-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** Makes the Node that runs the launcher say that it is an old one; the Node it starts says the truth. */
async function oldNode(path: string) {
  const file = join(path, 'old.cjs');
  await writeFile(file, "Object.defineProperty(process.versions, 'node', { value: '18.19.0' });\n");
  return ['-r', file];
}

test('goes on under the bundled Node when the own one is too old, and keeps the exit code', async () => {
  const old = await oldNode(await folder());

  const version = await execa(process.execPath, [...old, LAUNCHER, '--version']);
  const wrong = await execa(process.execPath, [...old, LAUNCHER, 'nonsense'], { reject: false });

  expect(version.stdout).toBe(VERSION);
  expect(wrong.exitCode).toBe(2);
});

test('passes signals on to the Node it started', async () => {
  const path = await folder();
  const binary = join(path, 'node_modules', 'node', 'bin');
  await mkdir(binary, { recursive: true });
  await writeFile(join(binary, '..', 'package.json'), '{"name":"node","version":"24.0.0"}');
  await writeFile(
    join(binary, 'node'),
    '#!/bin/sh\ntrap "exit 7" TERM\necho ready\nwhile :; do sleep 0.05; done\n',
    {
      mode: 0o755,
    },
  );
  await mkdir(join(path, 'bin'));
  await copyFile(LAUNCHER, join(path, 'bin', 'millwright.cjs'));

  const child = execa(process.execPath, [...(await oldNode(path)), join(path, 'bin', 'millwright.cjs')], {
    reject: false,
  });
  child.stdout.once('data', () => child.kill('SIGTERM'));

  expect((await child).exitCode).toBe(7);
});

test('says in one sentence what is missing', async () => {
  const path = await folder();
  await mkdir(join(path, 'bin'));
  const launcher = join(path, 'bin', 'millwright.cjs');
  await copyFile(LAUNCHER, launcher);

  const unbuilt = await execa(process.execPath, [launcher, 'status'], { reject: false });
  const tooOld = await execa(process.execPath, [...(await oldNode(path)), launcher], { reject: false });

  expect([unbuilt.exitCode, unbuilt.stderr]).toEqual([
    3,
    `millwright: dist/ is missing; run \`npm run build\` in ${path}.`,
  ]);
  expect(tooOld.exitCode).toBe(3);
  expect(tooOld.stderr).toMatch(
    /^millwright: Millwright needs Node 22\.12 or newer and this is 18\.19\.0; .*npm ci/,
  );
});

test('builds that run at once, and programs that run meanwhile, do not disturb each other', async () => {
  const build = () => execa(process.execPath, [join(ROOT, 'scripts', 'build.mjs')]);
  const use = () => execa(process.execPath, [LAUNCHER, '--version']);

  const all = await Promise.all([build(), build(), use(), use(), use()]);

  expect(all.map(({ stdout }) => stdout)).toEqual(['', '', VERSION, VERSION, VERSION]);
});
