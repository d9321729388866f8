import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { buildOnce } from '../../cli/command.ts';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));

beforeAll(buildOnce);

const lines = (stderr: string) => stderr.split('\n').filter((line) => /^\d+\/\d+ /.test(line));

test('two entries of a draw are tested by the real command; a run that resumes has nothing left to do', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'recall-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const args = ['--only', 'project', '--only', 'failing-test', '--sample', '2', '--seed', '4', '--json'];
  const run = async (...more: string[]) => {
    const all = [MAIN, ...args, '--results', join(folder, 'results.json'), ...more];
    const { stdout, stderr, exitCode } = await execa(process.execPath, all, { reject: false });
    return { figures: JSON.parse(stdout), stderr, exitCode };
  };
  const first = await run('--workers', '2');
  expect(first.figures.cases.map(({ sound }: { sound: boolean }) => sound).sort(), first.stderr).toEqual([
    false,
    true,
  ]);
  expect(first.figures).toMatchObject({ planted: 1, found: 1, twins: 1, untested: 0, hostile: 0, stale: 0 });
  expect(first.exitCode).toBe(first.figures.ok ? 0 : 1);
  expect(lines(first.stderr)).toHaveLength(2);
  const second = await run('--resume');
  expect(lines(second.stderr)).toEqual([]);
  expect(second.figures).toEqual({ ...first.figures, seconds: second.figures.seconds, workers: 1 });
});
