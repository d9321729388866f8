import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ROOT } from '../cli/command.ts';
import { type HostDesk, openHostDesk } from './desk.ts';
import { runHost } from './isolated.ts';
import type { Block } from './plan.ts';

let desk: HostDesk;
beforeAll(async () => {
  desk = await openHostDesk();
});
afterAll(() => desk.close());

const plugin = (...args: string[]) =>
  runHost(desk.person, 'claude-code', ['plugin', ...args], { cwd: desk.repository });
const push: Block = { tool: 'Bash', input: { command: 'git push factory HEAD:main', description: 'Push' } };
const SHELL = ['--allowedTools', 'Bash'];

it('passes the validation of the host, with the version of the package', async () => {
  for (const folder of [ROOT, join(ROOT, 'hosts', 'plugin')]) {
    const { exitCode, stdout, stderr } = await plugin('validate', '--strict', folder);
    expect(`${exitCode} ${stdout}${stderr}`).toMatch(/^0 [\s\S]*passed/);
  }
  const versions = ['package.json', 'hosts/plugin/.claude-plugin/plugin.json'].map(
    async (file) => JSON.parse(await readFile(join(ROOT, file), 'utf8')).version,
  );
  expect(await versions[1]).toBe(await versions[0]);
});

it('guards a session of the factory by itself, and nothing elsewhere', async () => {
  await rm(join(desk.repository, '.claude', 'settings.local.json'));
  await desk.claude('claude-code', [push], SHELL);
  expect(desk.results()[0]?.text).not.toMatch(/Agents do not push/);

  expect((await plugin('marketplace', 'add', ROOT)).exitCode).toBe(0);
  expect((await plugin('install', 'millwright@millwright', '--scope', 'user')).exitCode).toBe(0);
  await desk.claude('claude-code', [push], SHELL);
  expect(desk.results()[0]?.text).toMatch(/Agents do not push/);

  await rm(join(desk.state, 'hosts'), { recursive: true });
  await desk.claude('claude-code', [push], SHELL);
  expect(desk.results()[0]?.text).not.toMatch(/Agents do not push|guard/);
});
