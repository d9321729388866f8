import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { hostBinary } from './binaries.ts';
import { type Mill, type MillOptions, openMill } from './mill.ts';
import { type ModelStub, startModelStub } from './model_stub.ts';
import { plan, planFromPrompt, type Script } from './plan.ts';

let open: { mill: Mill; model: ModelStub } | undefined;
afterEach(async () => {
  await open?.mill.close();
  await open?.model.close();
  open = undefined;
});

/** A mill whose hosts are the real ones and whose model says what `script` says. */
async function start(script: Script = planFromPrompt, options: MillOptions = {}) {
  const model = await startModelStub(script);
  const hosts = {
    'claude-code': { kind: 'claude-code', command: await hostBinary('claude-code') },
    codex: {
      kind: 'codex',
      command: await hostBinary('codex'),
      endpoint: `${model.url}/v1`,
      key_env: 'SCRIPTED_KEY',
    },
  };
  const mill = await openMill({
    ...options,
    env: {
      ANTHROPIC_BASE_URL: model.url,
      ANTHROPIC_API_KEY: 'sk-ant-scripted',
      SCRIPTED_KEY: 'scripted',
      ...options.env,
    },
    change(factory) {
      Object.assign(factory, { hosts });
      options.change?.(factory);
    },
  });
  open = { mill, model };
  return open;
}

const tool = (name: string, input: Record<string, unknown> = {}) => ({
  tool: `mcp__millwright__${name}`,
  input,
});
const done = tool('task_complete', { summary: 'It adds, as was seen.' });

test('a run on Claude Code hands its task in, and says what it used', async () => {
  const { mill, model } = await start();
  const { task, run } = await mill.queue(
    'developer',
    'developer',
    plan(tool('task_checkout'), done, { text: 'All done.' }),
  );
  const ended = await mill.ended(run);
  expect(ended).toMatchObject({
    state: 'ended',
    outcome: 'completed',
    host: 'claude-code',
    said: 'All done.',
  });
  expect([ended.turns, ended.tokens > 0]).toEqual([3, true]);
  expect(await mill.task(task)).toMatchObject({ state: 'done' });
  const [first] = model.requests;
  expect(first?.system).toContain('MAINLINE-SAYS');
  expect(existsSync(join(mill.home, 'clones', `T-${task}-1`, 'src', 'add.js'))).toBe(true);
});
