import { link, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readResult } from '../../../servers/core/sandbox/sandbox.ts';

let work: string;
let outside: string;
beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millwright-result-'));
  [work, outside] = [join(folder, 'work'), join(folder, 'outside')];
  await mkdir(join(work, 'sub'), { recursive: true });
  await mkdir(outside);
  await writeFile(join(outside, 'secret'), 'secret');
  await writeFile(join(work, 'sub/report.json'), '{"ok":true}');
});

afterAll(() => rm(dirname(work), { recursive: true }));

test('reads an ordinary file', async () => {
  expect((await readResult(work, 'sub/report.json', 100)).toString()).toBe('{"ok":true}');
});

test('is not led elsewhere by symlinks, hard links, FIFOs, folders or dots', async () => {
  await symlink(join(outside, 'secret'), join(work, 'final-link'));
  await symlink(outside, join(work, 'parent-link'));
  await link(join(outside, 'secret'), join(work, 'hard-link'));
  await execa('mkfifo', [join(work, 'fifo')]);
  for (const path of [
    'final-link',
    'parent-link/secret',
    'hard-link',
    'fifo',
    'sub',
    '../outside/secret',
    'missing',
  ]) {
    await expect(readResult(work, path, 100), path).rejects.toThrow('The result file');
  }
  await expect(readResult(work, join(outside, 'secret'), 100)).rejects.toThrow('leaves');
});

test('does not read more than was asked for', async () => {
  await expect(readResult(work, 'sub/report.json', 5)).rejects.toThrow('larger');
});
