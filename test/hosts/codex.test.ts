import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { trustCodexHooks } from './codex_trust.ts';
import { type HostDesk, openHostDesk } from './desk.ts';
import { type Block, plan } from './plan.ts';

let desk: HostDesk;
beforeAll(async () => {
  desk = await openHostDesk();
  await trustCodexHooks(desk.person, desk.repository);
});
afterAll(() => desk.close());

const own = (tool: string, input = {}): Block => ({ tool: `mcp__millwright::${tool}`, input });
const shell = (cmd: string): Block => ({ tool: 'exec_command', input: { cmd } });
const patch = (path: string): Block =>
  shell(`apply_patch <<'EOF'\n*** Begin Patch\n*** Add File: ${path}\n+x\n*** End Patch\nEOF`);
const results = () => desk.results().map(({ text }) => text);
const newest = async () => (await desk.record()).at(-1)?.seq ?? 0;

it('is the CEO: it calls what it may, and what it may not is refused', async () => {
  const before = await newest();
  await desk.codex([
    own('task_create', { title: 'Work', criteria: ['It works'], stops: ['It does not'], role: 'developer' }),
    own('agent_spawn', { role: 'infra' }),
    own('change_submit'),
  ]);

  const said = (await desk.record(before)).map(({ agent, event, tool, rule }) => [agent, event, tool, rule]);
  expect(said).toEqual([
    ['ceo', 'session.opened', '', ''],
    ['ceo', 'call', 'task_create', ''],
    ['ceo', 'refused', 'agent_spawn', 'spawn.role'],
  ]);
  expect(results()[2]).toMatch(/unsupported call/);
});

it('pushes nothing, deploys nothing, reads no secret and patches no file of the person', async () => {
  await desk.codex([
    shell('git push factory HEAD:main'),
    shell('npx wrangler deploy -e production'),
    shell('cat ~/.millwright/shop/enrolments/qa.json'),
    patch('planted.js'),
    shell('echo fine'),
  ]);

  const [push, deploy, read, write, fine] = results();
  expect(push).toMatch(/blocked by PreToolUse hook: Agents do not push.*change_submit/);
  expect(deploy).toMatch(/Agents do not deploy.*release_cut/);
  expect(read).toMatch(/belongs to the factory/);
  expect(write).toMatch(/is in no clone/);
  expect(fine).toMatch(/fine/);
  expect(existsSync(join(desk.repository, 'planted.js'))).toBe(false);
});

it('lends a sub-agent its own name and no other', async () => {
  const before = await newest();
  await desk.codex([
    {
      tool: 'multi_agent_v1::spawn_agent',
      input: { message: plan(own('agent_spawn', { role: 'infra' }), own('task_list')) },
    },
    shell('sleep 3'),
  ]);

  const said = await desk.record(before);
  expect(said.filter(({ event }) => event === 'session.opened').length).toBeGreaterThan(1);
  expect(new Set(said.map(({ agent }) => agent))).toEqual(new Set(['ceo']));
  expect(said.map(({ rule }) => rule)).toContain('spawn.role');
});

it('blocks every call when the guard does not start', async () => {
  const trace = join(desk.person.home, 'trace');
  await desk.codex([shell(`touch ${trace}`)], { NODE_OPTIONS: '--no-such-option' });
  expect(results()[0]).toMatch(/guard did not run/);
  expect(existsSync(trace)).toBe(false);

  await desk.codex([shell(`touch ${trace}`)]);
  expect(existsSync(trace)).toBe(true);
  await rm(trace);
});
