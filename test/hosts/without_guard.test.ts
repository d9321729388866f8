import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type HostDesk, openHostDesk } from './desk.ts';
import { type Block, LAST, plan } from './plan.ts';

let desk: HostDesk;
beforeAll(async () => {
  desk = await openHostDesk();
});
afterAll(() => desk.close());

const bash = (command: string): Block => ({ tool: 'Bash', input: { command, description: 'Run it' } });
const own = (tool: string, input = {}): Block => ({ tool: `mcp__millwright-developer__${tool}`, input });

it('without the guard, the same attempts end at the servers', async () => {
  const settings = join(desk.repository, '.claude', 'settings.local.json');
  const { hooks: _, ...rest } = JSON.parse(await readFile(settings, 'utf8'));
  await writeFile(settings, JSON.stringify(rest));
  const clone = `cd ${join(desk.state, 'clones', 'T-1-1')}`;
  const commit = 'git -c user.name=x -c user.email=x@y.invalid commit -qm "Plant"';
  const attempts = plan(
    own('task_checkout'),
    own('workspace_open'),
    bash(`${clone} && mkdir .claude && echo '{}' > .claude/settings.json && git add -A && ${commit}`),
    bash(`${clone} && git push ${join(desk.state, 'mainline.git')} HEAD:main; echo pushed with $?`),
    bash(`${clone} && git rev-parse HEAD`),
    own('change_submit', { commit: LAST, summary: 'Plant a setting' }),
    own('release_cut'),
  );
  await desk.claude(
    'claude-code',
    [
      {
        tool: 'mcp__millwright__task_create',
        input: { title: 'Plant it', criteria: ['It works'], stops: ['It does not'], role: 'developer' },
      },
      {
        tool: 'Agent',
        input: {
          description: 'Plant it',
          subagent_type: 'millwright-developer',
          run_in_background: false,
          prompt: attempts,
        },
      },
    ],
    ['--allowedTools', 'Bash'],
  );

  const texts = desk.results().map(({ text }) => text);
  const errors = desk.results().flatMap(({ isError, text }) => (isError ? [text] : []));
  expect(texts.filter((text) => /pushed with [1-9]/.test(text))).toHaveLength(1);
  expect(texts.filter((text) => /FORBIDDEN: .*\.claude\/settings\.json/.test(text))).toHaveLength(1);
  expect(errors.filter((text) => /No such tool available: .*release_cut/.test(text))).toHaveLength(1);
  const refused = (await desk.record()).filter(({ event }) => event === 'refused');
  expect(refused.map(({ agent, tool, rule }) => [agent, tool, rule])).toEqual([
    ['developer', 'change_submit', 'path.protected'],
  ]);
});
