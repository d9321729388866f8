import { chmod, constants, copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { hostBinary } from './binaries.ts';
import { openMill } from './mill.ts';
import { startModelStub } from './model_stub.ts';
import { plan, planFromPrompt } from './plan.ts';

const tool = (name: string, input: Record<string, unknown> = {}) => ({
  tool: `mcp__millwright__${name}`,
  input,
});

test('the real Claude Code works in its clone as a user of its own, and its shell sees nothing of the factory', async () => {
  if (process.getuid?.() !== 0) throw new Error('This test starts a host as another user: it needs root.');
  // The cache lies in a home that others may not enter.
  const folder = await mkdtemp(join(tmpdir(), 'host-'));
  await chmod(folder, 0o711);
  const command = join(folder, 'claude');
  await copyFile(await hostBinary('claude-code'), command, constants.COPYFILE_FICLONE);
  await chmod(command, 0o755);
  const model = await startModelStub(planFromPrompt);
  const uid = 1_700_000_000 + process.pid;
  const mill = await openMill({
    user: String(uid),
    env: { ANTHROPIC_BASE_URL: model.url, ANTHROPIC_API_KEY: 'sk-ant-scripted' },
    change: (factory) =>
      Object.assign(factory, { hosts: { 'claude-code': { kind: 'claude-code', command } } }),
  });
  onTestFinished(async () => {
    await mill.close();
    await model.close();
    await rm(folder, { recursive: true, force: true });
  });
  const look = `id -u; ls ${mill.home} 2>&1; cat ${mill.home}/store.sqlite 2>&1; echo done > made.txt`;
  const said = plan(
    tool('task_checkout'),
    { tool: 'Bash', input: { command: look, description: 'Look around' } },
    tool('task_complete', { summary: 'It looked.' }),
    { text: 'Seen.' },
  );
  const { task, run } = await mill.queue('developer', 'developer', said);
  expect(await mill.ended(run)).toMatchObject({ outcome: 'completed', said: 'Seen.' });
  expect(await mill.task(task)).toMatchObject({ state: 'done' });
  const heard = JSON.stringify(model.requests.at(-1)?.turns);
  expect(heard).toContain(String(uid));
  expect(heard.match(/Permission denied/g)?.length).toBeGreaterThanOrEqual(2);
});
