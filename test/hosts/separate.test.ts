import { chmod, constants, copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { hostBinary } from './binaries.ts';
import { openMill } from './mill.ts';
import { startModelStub } from './model_stub.ts';
import { plan, planFromPrompt } from './plan.ts';

/** How each host names the factory's tools and its own shell. */
const WORDS = {
  'claude-code': {
    tool: (name: string) => `mcp__millwright__${name}`,
    shell: (command: string) => ({ tool: 'Bash', input: { command, description: 'Look around' } }),
  },
  codex: {
    tool: (name: string) => `mcp__millwright::${name}`,
    shell: (cmd: string) => ({ tool: 'exec_command', input: { cmd } }),
  },
};

test.each(['claude-code', 'codex'] as const)(
  'the real %s works as a user of its own, and its shell sees nothing of the factory',
  async (kind) => {
    if (process.getuid?.() !== 0) throw new Error('This test starts a host as another user: it needs root.');
    // The cache lies in a home that others may not enter.
    const folder = await mkdtemp(join(tmpdir(), 'host-'));
    await chmod(folder, 0o711);
    const command = join(folder, kind);
    await copyFile(await hostBinary(kind), command, constants.COPYFILE_FICLONE);
    await chmod(command, 0o755);
    const model = await startModelStub(planFromPrompt);
    const uid = 1_700_000_000 + process.pid;
    const mill = await openMill({
      user: String(uid),
      env: {
        ANTHROPIC_BASE_URL: model.url,
        ANTHROPIC_API_KEY: 'sk-ant-scripted',
        SCRIPTED_KEY: 'scripted',
      },
      change(factory) {
        const ours = kind === 'codex' && { endpoint: `${model.url}/v1`, key_env: 'SCRIPTED_KEY' };
        Object.assign(factory, { hosts: { [kind]: { kind, command, ...ours } } });
        Object.assign(factory.roles.developer ?? {}, { host: kind, model: 'gpt-5.4' });
      },
    });
    onTestFinished(async () => {
      await mill.close();
      await model.close();
      await rm(folder, { recursive: true, force: true });
    });
    // The guard reads commands, and this one hides its path from it: what refuses here is the system.
    const hidden = Buffer.from(mill.home).toString('base64');
    const look = `id -u; home=$(echo ${hidden} | base64 -d); ls "$home" 2>&1; cat "$home/store.sqlite" 2>&1`;
    const { tool, shell } = WORDS[kind];
    const said = plan(
      { tool: tool('task_checkout'), input: {} },
      shell(look),
      { tool: tool('task_complete'), input: { summary: 'It looked.' } },
      { text: 'Seen.' },
    );
    const { task, run } = await mill.queue('developer', 'developer', said);
    expect(await mill.ended(run)).toMatchObject({ outcome: 'completed', said: 'Seen.' });
    expect(await mill.task(task)).toMatchObject({ state: 'done' });
    const heard = JSON.stringify(model.requests.at(-1)?.turns);
    expect(heard).toContain(String(uid));
    expect(heard.match(/Permission denied/g)?.length).toBeGreaterThanOrEqual(2);
  },
);
