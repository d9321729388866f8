import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { beforeAll, expect, test } from 'vitest';
import { buildOnce } from '../../cli/command.ts';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));

beforeAll(buildOnce);

test('two cases of a draw are tested by the real command, and the exit code is what the figures say', async () => {
  const args = ['--kind', 'project', '--class', 'failing-test', '--sample', '2', '--seed', '4', '--json'];
  const { stdout, stderr, exitCode } = await execa(process.execPath, [MAIN, ...args], { reject: false });
  const figures = JSON.parse(stdout);
  expect(figures.cases.map(({ sound }: { sound: boolean }) => sound).sort(), stderr).toEqual([false, true]);
  expect(figures).toMatchObject({ planted: 1, found: 1, twins: 1, untested: 0, hostile: 0 });
  expect(exitCode).toBe(figures.ok ? 0 : 1);
  expect(stderr.split('\n').filter((line) => /^[12]\/2 /.test(line))).toHaveLength(2);
});
