import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { layOut, PRODUCT, REPOSITORY, remove, type Stage } from './workshop.ts';

const read = (...path: string[]) => readFile(join(...path), 'utf8');

/** The product carries no compiler of its own; its types are checked with ours, as strictly. */
const TYPES = {
  extends: join(REPOSITORY, 'tsconfig.json'),
  compilerOptions: { types: ['node'] },
  include: ['src', 'test'],
};

describe.each(['base', 'build-1', 'build-2'] satisfies Stage[])('the product after %s', (stage) => {
  test('its own suite is green, its types hold, and the suite is quick', async () => {
    const dir = await layOut(stage);
    try {
      const { scripts } = JSON.parse(await read(dir, 'package.json'));
      expect(scripts.test).toBe('node --test "test/**/*.test.ts"');
      const started = performance.now();
      const suite = await execa(process.execPath, ['--test', '--test-reporter=tap', 'test/**/*.test.ts'], {
        cwd: dir,
        extendEnv: false,
      });
      expect(performance.now() - started).toBeLessThan(5_000);
      expect(suite.stdout).toMatch(/# pass [1-9]/);
      expect(suite.stdout).toMatch(/# fail 0/);
      await writeFile(join(dir, 'tsconfig.json'), JSON.stringify(TYPES));
      await execa(join(REPOSITORY, 'node_modules/.bin/tsc'), { cwd: dir });
    } finally {
      await remove(dir);
    }
  }, 30_000);
});

test("its dependencies are this repository's own, to the byte", async () => {
  const ours = JSON.parse(await read(REPOSITORY, 'package-lock.json')).packages;
  const lock = JSON.parse(await read(PRODUCT, 'base/package-lock.json')).packages;
  const { dependencies } = JSON.parse(await read(PRODUCT, 'base/package.json'));
  expect(lock[''].dependencies).toEqual(dependencies);
  const names = Object.keys(lock).filter((name) => name !== '');
  expect(names).toEqual(['node_modules/hono']);
  for (const name of names) {
    expect(lock[name]).toMatchObject({ version: ours[name].version, integrity: ours[name].integrity });
  }
});

test('the base names no account, and its CLAUDE.md is short', async () => {
  expect(await read(PRODUCT, 'base/wrangler.jsonc')).not.toMatch(/account_id|database_id|[0-9a-f]{32}/);
  expect((await read(PRODUCT, 'base/CLAUDE.md')).split('\n').length).toBeLessThanOrEqual(41);
});

test('the regression test of build-2 fails on build-1', async () => {
  const dir = await layOut('build-1');
  try {
    const escaping = join(PRODUCT, 'build-2/test/escaping.test.ts');
    await execa('cp', ['--', escaping, join(dir, 'test')]);
    const { exitCode, stdout } = await execa(
      process.execPath,
      ['--test', '--test-reporter=tap', 'test/escaping.test.ts'],
      {
        cwd: dir,
        extendEnv: false,
        reject: false,
      },
    );
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/not ok \d+ - markup in "author"/);
    expect(stdout).toMatch(/ok \d+ - markup in "quote"/);
  } finally {
    await remove(dir);
  }
});
