import { existsSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { closeMill, codexTool, done, openHostMill, tool } from './host_mill.ts';
import type { Mill, Parsed } from './mill.ts';
import { type Block, plan, planFromPrompt, type Script } from './plan.ts';
import { resultsIn } from './results.ts';

afterEach(closeMill);

const bash = (command: string): Block => ({ tool: 'Bash', input: { command, description: 'Run it' } });
const shell = (cmd: string): Block => ({ tool: 'exec_command', input: { cmd } });
const write = (path: string): Block => ({ tool: 'Write', input: { file_path: path, content: 'x' } });
const on = (host: string) => ({
  change: ({ roles }: Parsed) =>
    Object.assign(roles.developer ?? {}, {
      host,
      writes: ['src/**', 'test/**'],
      ...(host === 'codex' && { model: 'gpt-5.4' }),
    }),
});
/** Fills in, when the model is asked, where the run's clone is and where the factory's state. */
const inClone =
  (script: Script, clone: () => string): Script =>
  async (request) =>
    JSON.parse(JSON.stringify(await script(request)).replaceAll('$CLONE', clone()));

test.each(['claude-code', 'older'])(
  'on %s, a run changes nothing but the paths of its role, pushes nothing, deploys nothing and reads no secret',
  async (host) => {
    let clone = '';
    const { mill, model } = await openHostMill(
      inClone(planFromPrompt, () => clone),
      on(host),
    );
    clone = join(mill.home, 'clones', 'T-1-1');
    const outside = join(mill.home, '..', 'planted.js');
    const said = plan(
      tool('task_checkout'),
      bash('git push origin HEAD:main'),
      bash('npx wrangler deploy --env production'),
      bash(`cat ${mill.home}/store.sqlite`),
      bash(`cat ${join('..', '..', 'work', 'run-*', '*', 'mcp.json')}`),
      write('$CLONE/.claude/settings.json'),
      write('$CLONE/../T-9-1/src/other.js'),
      write(outside),
      write('$CLONE/other/new.md'),
      write('$CLONE/src/new.js'),
      bash('cat src/new.js'),
      done,
      { text: 'Done.' },
    );
    const { run } = await mill.queue('developer', 'developer', said);
    expect(await mill.ended(run)).toMatchObject({ outcome: 'completed', host });
    const [, push, deploy, read, token, config, other, planted, beyond, own, fine] = resultsIn(
      model.requests,
    );
    expect(push?.text).toMatch(/Agents do not push.*call change_submit/);
    expect(deploy?.text).toMatch(/Agents do not deploy.*release_cut/);
    expect(read?.text).toMatch(/belongs to the factory.*task_list/);
    expect(token?.text).toMatch(/belongs to the factory/);
    expect(config?.text).toMatch(/is protected/);
    expect(other?.text).toMatch(/clone of another task.*workspace_open/);
    expect(planted?.text).toMatch(/is in no clone.*workspace_open/);
    expect(beyond?.text).toMatch(/new\.md is outside the paths.*workspace_open names, on src/);
    expect([own?.isError, fine?.text]).toEqual([false, 'x']);
    expect(existsSync(join(clone, '.claude'))).toBe(false);
    expect(existsSync(outside)).toBe(false);
  },
);

test('on Codex, a run changes nothing but the paths of its role, pushes nothing, deploys nothing and reads no secret', async () => {
  let clone = '';
  const { mill, model } = await openHostMill(
    inClone(planFromPrompt, () => clone),
    on('codex'),
  );
  clone = join(mill.home, 'clones', 'T-1-1');
  const patch = (path: string) =>
    shell(
      `cd '$CLONE' && apply_patch <<'EOF'\n*** Begin Patch\n*** Add File: ${path}\n+x\n*** End Patch\nEOF`,
    );
  const said = plan(
    codexTool('task_checkout'),
    shell("cd '$CLONE' && git push origin HEAD:main"),
    shell('npx wrangler deploy'),
    shell(`cat ${mill.home}/store.sqlite`),
    shell('cat ../1/config/config.toml'),
    patch('.codex/config.toml'),
    patch('../T-9-1/src/other.js'),
    patch('README.md'),
    patch('src/new.js'),
    { tool: 'exec_command', input: { cmd: 'cat src/new.js', workdir: '$CLONE' } },
    codexTool('task_complete', { summary: 'It adds.' }),
    { text: 'Done.' },
  );
  const { run } = await mill.queue('developer', 'developer', said);
  expect(await mill.ended(run)).toMatchObject({ outcome: 'completed', host: 'codex' });
  const [, push, deploy, read, token, config, other, beyond, own, fine] = resultsIn(model.requests);
  expect(beyond?.text).toMatch(/README\.md is outside the paths.*workspace_open names, on src/);
  expect(push?.text).toMatch(/Agents do not push.*call change_submit/);
  expect(deploy?.text).toMatch(/Agents do not deploy.*release_cut/);
  expect(read?.text).toMatch(/belongs to the factory.*task_list/);
  expect(token?.text).toMatch(/belongs to the factory/);
  expect(config?.text).toMatch(/is protected/);
  expect(other?.text).toMatch(/clone of another task.*workspace_open/);
  expect(own?.text).not.toMatch(/hook/);
  expect(fine?.text).toMatch(/x$/m);
  expect(existsSync(join(clone, '.codex'))).toBe(false);
});

/** The policy file of the one run that is up. */
async function policyFile(mill: Mill): Promise<string> {
  const work = join(mill.home, 'work');
  const [run = ''] = (await readdir(work)).filter((name) => name.startsWith('run-'));
  return join(work, run, '0', 'policy.json');
}

test.each([
  ['claude-code', bash],
  ['older', bash],
  ['codex', shell],
] as const)('on %s, a guard that crashes blocks the call', async (host, run) => {
  let spoil = async () => {};
  const script: Script = async (request) => {
    await spoil();
    return planFromPrompt(request);
  };
  const { mill, model } = await openHostMill(script, on(host));
  spoil = async () => writeFile(await policyFile(mill), '{');
  const trace = join(mill.home, 'trace');
  const call = host === 'codex' ? codexTool : tool;
  const said = plan(run(`touch ${trace}`), call('task_complete', { summary: 'It adds.' }), {
    text: 'I stop.',
  });
  const { run: id } = await mill.queue('developer', 'developer', said);
  expect(await mill.ended(id)).toMatchObject({ outcome: 'returned', said: 'I stop.' });
  const results = resultsIn(model.requests).map(({ text }) => text);
  expect(results).toHaveLength(2);
  for (const text of results) expect(text).toMatch(/could not decide|guard did not run/);
  expect(existsSync(trace)).toBe(false);
});
