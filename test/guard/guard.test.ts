import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { hostFactory } from '../../cli/hosts/host_factory.ts';
import type { HostFactory } from '../../hosts/factory.ts';
import { guardPolicy, type Policy, runPolicy } from '../../hosts/guard/policy.ts';
import { readDefinition } from '../../servers/core/factory/create.ts';
import { parseDefinition } from '../../servers/core/factory/parse.ts';
import { factoryPaths } from '../../servers/core/paths.ts';

type Decide = (policy: Policy, input: object) => { rule: string; why: string } | undefined;
const { decide } = createRequire(import.meta.url)('../../hosts/plugin/guard/guard.cjs') as { decide: Decide };

const MOST_CPU_MS = 60;
const RUNS = 6;

let folder: string;
let guarded: HostFactory;
let policy: Policy;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'guard-'));
  const paths = factoryPaths(join(folder, '.millwright', 'shop'));
  const definition = parseDefinition(await readDefinition('solo'));
  guarded = await hostFactory(definition, paths, join(folder, 'shop'), undefined);
  policy = guardPolicy(guarded);
  await mkdir(join(paths.clones, 'T-1-1'), { recursive: true });
  await mkdir(join(folder, 'shop'));
  await symlink(paths.home, join(folder, 'shop', 'link'));
});
afterAll(() => rm(folder, { recursive: true }));

const rule = (tool_name: string, tool_input: object, agent_type?: string) =>
  decide(policy, { tool_name, tool_input, cwd: join(folder, 'shop'), ...(agent_type && { agent_type }) })
    ?.rule;
const DEVELOPER = 'millwright-developer';

describe('commands', () => {
  it.each([
    ['git push', 'push'],
    ['cd x && git -C . -c a=b push origin HEAD:main', 'push'],
    ["bash -c 'git push'", 'push'],
    ['g""it push', 'push'],
    ['/usr/bin/git push -f', 'push'],
    ['git update-ref refs/heads/main HEAD', 'push'],
    ['npx wrangler deploy', 'deploy'],
    ['npx -y wrangler@4 deploy', 'deploy'],
    ['wrangler dev --env production', 'deploy'],
    ['FOO=1 npm run deploy', 'deploy'],
    ['true; (terraform apply)', 'deploy'],
    ['npx millwright approve C-1', 'state'],
    ['npx millwright --json init --remove', 'state'],
    ['node /x/bin/millwright.cjs mcp --enrolment y', 'state'],
    ['cat link/store.sqlite', 'state'],
    ['cat /proc/1/environ', 'state'],
  ])('%s is denied: %s', (command, expected) => {
    expect(rule('Bash', { command }, DEVELOPER)).toBe(expected);
  });

  it.each([
    'git status && git commit -m "push the button, then wrangler deploy"',
    'npm test -- --reporter push',
    'grep -rn "git push" docs',
    'node --run build',
    'npx millwright status',
    'ls ..',
  ])('%s passes', (command) => {
    expect(rule('Bash', { command }, DEVELOPER)).toBeUndefined();
  });

  it('denies the state by a pattern or by the folder above it, and a patch that hides a command', () => {
    const all = join(folder, '.millwright');
    for (const path of [`${all}/*/enrolments/*`, `${folder}/.mill*/shop/keys/x`, `-r x ${folder}/.m*`, all]) {
      expect([path, rule('Bash', { command: `cat ${path}` })]).toEqual([path, 'state']);
    }
    vi.stubEnv('FACTORY_STATE', policy.state);
    const names = ['$FACTORY_STATE', `\${FACTORY_STATE}`, '"$FACTORY_STATE"'];
    for (const path of names.map((name) => `${name}/keys/x`))
      expect([path, rule('Bash', { command: `cat ${path}` })]).toEqual([path, 'state']);
    vi.unstubAllEnvs();
    expect(rule('Grep', { pattern: 'token', path: all })).toBe('state');
    expect(rule('Bash', { command: `ls ${folder}/* *.js src/**` })).toBeUndefined();
    expect(rule('Bash', { command: 'git push\n*** Begin Patch\n' }, DEVELOPER)).toBe('push');
  });

  it('denies the state by its path, from within a clone too, and leaves the clones open', () => {
    const clone = join(policy.clones, 'T-1-1');
    expect(rule('Bash', { command: `cat ${policy.state}/enrolments/qa.json` })).toBe('state');
    expect(rule('Bash', { command: `cd ${clone} && cat ${clone}/../../store.sqlite` })).toBe('state');
    expect(
      decide(policy, { tool_name: 'Bash', tool_input: { command: 'cat ../../x' }, cwd: clone })?.rule,
    ).toBe('state');
    expect(rule('Bash', { command: `cd ${clone} && npm test` })).toBeUndefined();
    expect(rule('Read', { file_path: join(clone, 'README.md') })).toBeUndefined();
    expect(rule('Read', { file_path: join(folder, 'shop', 'link', 'store.sqlite') })).toBe('state');
  });
});

it('lets each role change what it writes, in a clone, and nothing protected', () => {
  const at = (path: string) => ({ file_path: join(policy.clones, 'T-1-1', path) });
  expect(rule('Write', at('src/new.js'), DEVELOPER)).toBeUndefined();
  expect(rule('Edit', at('.claude/settings.json'), DEVELOPER)).toBe('protected');
  expect(rule('Edit', at('.GitHub/workflows/ci.yml'), DEVELOPER)).toBe('protected');
  expect(rule('Edit', at('src/new.js'), 'millwright-qa')).toBe('edit');
  expect(rule('Edit', at('test/new.js'), 'millwright-qa')).toBeUndefined();
  expect(rule('Write', at('src/new.js'))).toBe('edit');
  expect(rule('Write', { file_path: join(folder, 'shop', 'x.js') }, DEVELOPER)).toBe('edit');
  const patch = `*** Begin Patch\n*** Update File: ${join(folder, 'shop', 'x.js')}\n`;
  expect(rule('apply_patch', { command: patch }, DEVELOPER)).toBe('edit');
});

it('keeps a run to the clone of its task, reads a command where it runs, and starts nobody', () => {
  const clone = join(policy.clones, 'T-1-1');
  const [other, own] = [join(policy.clones, 'T-2-1'), join(policy.state, 'work', 'run-1')];
  const developer = guarded.agents.find(({ role }) => role === 'developer') ?? guarded.main;
  const main = { ...guarded, main: developer };
  const run = runPolicy(main, clone, [join(own, 'empty')]);
  const ask = (tool_name: string, tool_input: object, cwd = join(own, 'empty')) =>
    decide(run, { tool_name, tool_input, cwd })?.rule;
  expect(ask('Write', { file_path: join(clone, 'src', 'x.js') })).toBeUndefined();
  expect(ask('Write', { file_path: join(other, 'src', 'x.js') })).toBe('edit');
  expect(ask('Write', { file_path: join(own, 'empty', 'x.js') })).toBe('edit');
  expect(ask('Bash', { command: 'ls' })).toBeUndefined();
  expect(ask('Bash', { command: 'cat ../mcp.json' })).toBe('state');
  expect(ask('Bash', { command: 'cat ../README.md', workdir: join(clone, 'src') })).toBeUndefined();
  expect(ask('Bash', { command: `cd '${clone}/src' && cat ../README.md` })).toBeUndefined();
  expect(ask('Bash', { command: `cd ${clone} && cat ../../store.sqlite` })).toBe('state');
  const patch = (path: string) => `*** Begin Patch\n*** Add File: ${path}\n+x\n*** End Patch`;
  expect(
    ask('Bash', { command: `cd "${clone}" && apply_patch <<'E'\n${patch('src/x.js')}` }),
  ).toBeUndefined();
  expect(ask('Bash', { command: `cd ${clone} && apply_patch <<'E'\n${patch('.codex/a')}` })).toBe(
    'protected',
  );
  expect(ask('Agent', { subagent_type: 'general-purpose' })).toBe('spawn');
  const reads = runPolicy(main, undefined, []);
  const write = { tool_name: 'Write', tool_input: { file_path: join(clone, 'src', 'x.js') }, cwd: clone };
  expect(decide(reads, write)?.rule).toBe('edit');
});

it('knows who may start whom, and whose servers are whose', () => {
  expect(rule('Agent', { subagent_type: DEVELOPER })).toBeUndefined();
  expect(rule('Agent', { subagent_type: 'helper' })).toBe('spawn');
  expect(rule('Agent', { subagent_type: 'millwright-qa' }, DEVELOPER)).toBe('spawn');
  expect(rule('Agent', {}, DEVELOPER)).toBe('spawn');
  expect(rule('mcp__millwright__task_create', {}, DEVELOPER)).toBe('spawn');
  expect(rule(`mcp__${DEVELOPER}__task_checkout`, {}, DEVELOPER)).toBeUndefined();
  expect(rule('mcp__millwright__task_create', {}, 'general-purpose')).toBeUndefined();
  expect(rule('mcp__millwright-qa__qa_verdict', {})).toBe('spawn');
});

it('ends with 2 on what it cannot read, and costs no more than a start of Node', async () => {
  const guard = join(import.meta.dirname, '..', '..', 'hosts', 'plugin', 'guard', 'guard.cjs');
  const file = join(folder, 'policy.json');
  await writeFile(file, JSON.stringify(policy));
  const ask = (input: string, path = file) =>
    execa(process.execPath, [guard, path], { input, reject: false });

  const denied = await ask(JSON.stringify({ tool_name: 'Bash', tool_input: { command: 'git push' } }));
  expect(JSON.parse(denied.stdout).hookSpecificOutput).toMatchObject({
    hookEventName: 'PreToolUse',
    permissionDecision: 'deny',
    permissionDecisionReason: expect.stringMatching(/change_submit/),
  });
  expect((await ask('{}', `${file}.none`)).exitCode).toBe(2);
  expect((await ask('not JSON')).exitCode).toBe(2);
  expect((await ask('{}')).exitCode).toBe(0);

  const costs: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    costs.push(
      await cpuOf([guard, file], JSON.stringify({ tool_name: 'Bash', tool_input: { command: 'ls' } })),
    );
  }
  expect(Math.min(...costs)).toBeLessThan(MOST_CPU_MS);
});

/** The processor time of one Node process, as it says itself at its end; milliseconds. */
async function cpuOf(args: readonly string[], input: string): Promise<number> {
  const say =
    "process.on('exit',()=>{const u=process.cpuUsage();process.stderr.write(String(u.user+u.system))})";
  const preload = `data:text/javascript,${encodeURIComponent(say)}`;
  const { stderr } = await execa(process.execPath, ['--import', preload, ...args], { input });
  return Number(stderr) / 1000;
}
