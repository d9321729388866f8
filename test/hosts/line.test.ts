import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDesk } from '../cli/command.ts';
import { hostBinary } from './binaries.ts';
import { openLine } from './line_desk.ts';
import { playsTheLine } from './line_script.ts';
import { type ModelStub, startModelStub } from './model_stub.ts';

const REQUEST = 'Sums of three numbers, as a function that is tested and documented.';
const LINE_MS = 500_000;
const WRITE = [
  "echo 'export const add3 = (a, b, c) => a + b + c;' > src/add3.js",
  "echo \"import test from 'node:test'; import assert from 'node:assert'; import { add3 } from '../src/add3.js'; test('adds three', () => assert.equal(add3(1, 2, 3), 6));\" > test/add3.test.js",
  "echo 'Sums of three: add3.' >> README.md",
].join(' && ');

let model: ModelStub;
beforeAll(async () => {
  model = await startModelStub(playsTheLine(() => WRITE));
});
afterAll(() => model.close());

test('one command takes a feature through the whole line: Claude Code, and Codex for the change', async () => {
  const { desk, env } = await openLine(model);
  const ran = await desk.run(['run', REQUEST, '--yes'], { env, timeout: LINE_MS });
  if (process.env.DEBUG) process.stderr.write(`${ran.stderr}\n${ran.stdout}\n`);
  expect(ran.json).toMatchObject({
    ok: true,
    pipeline: 'P-1',
    state: 'done',
    merged: expect.stringMatching(/^[0-9a-f]{40}$/),
  });
  expect(ran.stderr).toMatch(/^Expected: 8 to 24 runs, 0 to /m);
  expect(ran.stderr).toMatch(/run \d+ developer \(T-\d+\): completed; \d+ turns, \d+ tokens/);
  await desk.git(['pull', '-q', 'factory', 'main']);
  expect(await desk.git(['show', 'HEAD:src/add3.js'])).toContain('add3');
  const { json } = await desk.run(['runs']);
  const hosts = (json.runs as unknown as { role: string; host: string }[]).map(
    ({ role, host }) => `${role} ${host}`,
  );
  expect(new Set(hosts)).toEqual(
    new Set(['ceo claude-code', 'reviewer claude-code', 'developer codex', 'qa claude-code']),
  );
}, 600_000);

test('a self-test tries a host on two small tasks, and leaves nothing behind', async () => {
  const desk = await openDesk();
  const env = { ANTHROPIC_BASE_URL: model.url, ANTHROPIC_API_KEY: 'sk-ant-scripted' };
  const args = ['selftest', '--host', 'claude-code', '--command', await hostBinary('claude-code')];
  const ran = await desk.run(args, { env, timeout: 120_000 });
  expect(ran.json).toMatchObject({
    ok: true,
    host: 'claude-code',
    runs: 2,
    completed: 2,
    withoutTaskComplete: 0,
    lostLeases: 0,
    refusedCalls: {},
    others: [],
  });
  expect(ran.json.tokens).toBeGreaterThan(0);
});
