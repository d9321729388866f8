import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type HostDesk, openHostDesk } from './desk.ts';
import { type Block, plan } from './plan.ts';

const VERSIONS = ['claude-code', 'claude-code-older'] as const;
const SHELL = ['--allowedTools', 'Bash', 'Edit', 'Write'];

let desk: HostDesk;
beforeAll(async () => {
  desk = await openHostDesk();
});
afterAll(() => desk.close());

const taskFor = (role: string): Block => ({
  tool: 'mcp__millwright__task_create',
  input: { title: `Work for ${role}`, criteria: ['It works'], stops: ['It does not'], role },
});
const subAgent = (agent: string, ...turns: (Block | Block[])[]): Block => ({
  tool: 'Agent',
  input: {
    description: `Start ${agent}`,
    subagent_type: `millwright-${agent}`,
    run_in_background: false,
    prompt: plan(...turns),
  },
});
const checkout = (agent: string): Block => ({ tool: `mcp__millwright-${agent}__task_checkout`, input: {} });
const bash = (command: string): Block => ({ tool: 'Bash', input: { command, description: 'Run it' } });
const newest = async () => (await desk.record()).at(-1)?.seq ?? 0;
const refusalsIn = (text: RegExp) =>
  desk.results().filter((result) => result.isError && text.test(result.text));

describe.each(VERSIONS)('%s', (host) => {
  it('is the CEO: it calls what it may, and what it may not is refused', async () => {
    const before = await newest();
    await desk.claude(host, [
      taskFor('developer'),
      { tool: 'mcp__millwright__change_submit', input: {} },
      { tool: 'mcp__millwright__agent_spawn', input: { role: 'infra' } },
    ]);

    const said = (await desk.record(before)).map(({ agent, event, tool, rule }) => [
      agent,
      event,
      tool,
      rule,
    ]);
    expect(said).toContainEqual(['ceo', 'call', 'task_create', '']);
    expect(said).toContainEqual(['ceo', 'refused', 'agent_spawn', 'spawn.role']);
    expect(said.filter(([, , tool]) => tool === 'change_submit')).toEqual([]);
    expect(refusalsIn(/No such tool available: mcp__millwright__change_submit/)).toHaveLength(1);
  });

  it('starts a developer and a tester side by side: the servers see each as itself, and take back what it held', async () => {
    const before = await newest();
    await desk.claude(
      host,
      [
        [taskFor('developer'), taskFor('qa')],
        [subAgent('developer', checkout('developer')), subAgent('qa', checkout('qa'))],
        bash('sleep 2'),
      ],
      SHELL,
    );

    const took = (await desk.record(before)).filter(({ tool }) => tool === 'task_checkout');
    expect(took.map(({ agent, role }) => `${agent} as ${role}`).sort()).toEqual([
      'developer as developer',
      'qa as qa',
    ]);
    const sessions = await desk.withStore(({ store }) =>
      store.db
        .selectFrom('sessions')
        .select(['agent', 'root', 'ended_at'])
        .orderBy('opened_at', 'desc')
        .limit(3)
        .execute(),
    );
    expect(new Set(sessions.map(({ root }) => root)).size).toBe(1);
    const endOf = (name: string) => Number(sessions.find(({ agent }) => agent === name)?.ended_at);
    // The main session went on for two seconds more: what closed them is that they stopped.
    expect(endOf('ceo') - Math.max(endOf('developer'), endOf('qa'))).toBeGreaterThan(1500);
    const reminded = desk.model.requests.filter(({ turns }) =>
      /You still hold T-\d+\./.test(JSON.stringify(turns)),
    );
    expect(reminded).toHaveLength(2);
    const held = await desk.withStore(({ store }) =>
      store.db.selectFrom('leases').selectAll().where('ends_at', '>', 0).execute(),
    );
    expect(held).toEqual([]);
  });

  it('keeps a developer to its role: no other server, no sub-agent, no deployment, no file but those of its clone', async () => {
    const before = await newest();
    const target = join(desk.repository, 'planted.js');
    const clone = join(desk.state, 'clones', 'T-1-1');
    const write = (path: string): Block => ({ tool: 'Write', input: { file_path: path, content: 'x\n' } });
    await desk.claude(
      host,
      [
        taskFor('qa'),
        subAgent(
          'developer',
          {
            tool: 'mcp__millwright__task_create',
            input: (taskFor('qa') as { input: object }).input as never,
          },
          subAgent('qa', checkout('qa')),
          bash('npx wrangler deploy --env production'),
          bash('git -C . push factory HEAD:main'),
          bash('cat ~/.millwright/shop/enrolments/qa.json'),
          write(target),
          write(join(clone, '.claude', 'settings.json')),
          write(join(clone, 'src', 'new.js')),
        ),
      ],
      SHELL,
    );

    expect(refusalsIn(/No such tool available: mcp__millwright__task_create/)).toHaveLength(1);
    expect(refusalsIn(/No such tool available: Agent/)).toHaveLength(1);
    expect(refusalsIn(/Agents do not deploy.*release_cut/)).toHaveLength(1);
    expect(refusalsIn(/Agents do not push.*call change_submit/)).toHaveLength(1);
    expect(refusalsIn(/belongs to the factory/)).toHaveLength(1);
    expect(refusalsIn(/is in no clone/)).toHaveLength(1);
    expect(refusalsIn(/settings\.json is protected/)).toHaveLength(1);
    expect([existsSync(target), existsSync(join(clone, '.claude'))]).toEqual([false, false]);
    expect(existsSync(join(clone, 'src', 'new.js'))).toBe(true);
    await rm(clone, { recursive: true });
    const agents = new Set((await desk.record(before)).map(({ agent }) => agent));
    expect([...agents].sort()).toEqual(['ceo', 'developer']);
  });

  it('blocks every call when the guard has no policy, or does not even start', async () => {
    const policy = join(desk.state, 'hosts', 'policy.json');
    const text = await readFile(policy, 'utf8');
    const trace = join(desk.person.home, 'trace');
    await writeFile(policy, '{');
    try {
      await desk.claude(host, [bash(`touch ${trace}`)], SHELL);
      expect(refusalsIn(/could not decide/)).toHaveLength(1);
    } finally {
      await writeFile(policy, text);
    }
    await desk.claude(host, [bash(`touch ${trace}`)], SHELL, { NODE_OPTIONS: '--no-such-option' });
    expect(refusalsIn(/guard did not run/)).toHaveLength(1);
    expect(existsSync(trace)).toBe(false);

    await desk.claude(host, [bash(`touch ${trace}`)], SHELL);
    expect(existsSync(trace)).toBe(true);
    await rm(trace);
  });
});
