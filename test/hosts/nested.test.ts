import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { hostBinary } from './binaries.ts';
import { type HostDesk, openHostDesk } from './desk.ts';
import { type Block, plan } from './plan.ts';

let desk: HostDesk;
beforeAll(async () => {
  desk = await openHostDesk('c-suite');
});
afterAll(() => desk.close());

const start = (agent: string, prompt: string): Block => ({
  tool: 'Agent',
  input: {
    description: `Start ${agent}`,
    subagent_type: `millwright-${agent}`,
    run_in_background: false,
    prompt,
  },
});
const list = (agent: string): Block => ({ tool: `mcp__millwright-${agent}__task_list`, input: {} });

it('in ten roles, each starts whom its role may: the CEO the CTO, the CTO a developer, and the CEO no developer', async () => {
  const before = (await desk.record()).at(-1)?.seq ?? 0;
  const developer = start('developer', plan(list('developer')));
  await desk.claude('claude-code', [
    developer,
    start('cto', plan(list('cto'), start('qa', plan(list('qa'))), developer)),
  ]);

  const opened = (await desk.record(before)).filter(({ event }) => event === 'session.opened');
  expect(opened.map(({ agent, role }) => `${agent} as ${role}`)).toEqual([
    'ceo as ceo',
    'cto as cto',
    'developer as developer',
  ]);
  const refused = desk.results().filter(({ isError }) => isError);
  expect(refused.map(({ text }) => /ceo may not start|qa/.test(text))).toEqual([true, true]);
});

it('doctor drives each of the ten roles, also those that the CEO may not start', async () => {
  const loose = join(desk.repository, '.claude', 'agents', 'millwright-developer.md');
  await writeFile(loose, (await readFile(loose, 'utf8')).replace(/^tools: .*\n/m, ''));
  const { stdout } = await desk.millwright(
    ['doctor', '--host', 'claude-code', '--json'],
    `${dirname(await hostBinary('claude-code'))}:${desk.person.env.PATH}`,
  );
  const { findings }: { findings: { check: string; state: string }[] } = JSON.parse(stdout);
  const driven = findings.filter(({ check }) => check.startsWith('millwright-'));
  expect(driven.length).toBeGreaterThanOrEqual(9);
  const faults = driven.filter(({ state }) => state !== 'ok');
  expect(faults.map(({ check }) => check)).toEqual(['millwright-developer']);
});
