import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { readDefinition } from '../../servers/core/factory/create.ts';
import { type Desk, openDesk } from '../cli/command.ts';
import { hostBinary } from './binaries.ts';
import { playsTheLine } from './line_script.ts';
import { PRODUCT } from './mill.ts';
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

/** A desk with a factory whose developer runs on Codex and all others on Claude Code. */
async function openLine(): Promise<{ desk: Desk; env: Record<string, string> }> {
  const desk = await openDesk(
    Object.fromEntries(
      PRODUCT.filter(({ path }) => !path.includes('/')).map(({ path, content }) => [path, String(content)]),
    ),
  );
  for (const { path, content } of PRODUCT.filter(({ path }) => path.includes('/'))) {
    await mkdir(join(desk.repository, path, '..'), { recursive: true });
    await writeFile(join(desk.repository, path), content);
  }
  await desk.git(['add', '-A']);
  await desk.git(['commit', '-q', '-m', 'The product']);
  const shipped = await readDefinition('solo');
  const factory = parse(shipped['factory.yaml'] ?? '');
  factory.memory.required = false;
  factory.lease.beat = 5;
  factory.roles.developer = { ...factory.roles.developer, host: 'codex', model: 'gpt-5.4' };
  factory.hosts = {
    'claude-code': { kind: 'claude-code', command: await hostBinary('claude-code') },
    codex: {
      kind: 'codex',
      command: await hostBinary('codex'),
      endpoint: `${model.url}/v1`,
      key_env: 'SCRIPTED_KEY',
    },
  };
  const file = join(desk.folder, 'factory.yaml');
  await writeFile(file, stringify(factory));
  const made = await desk.run(['init', '--factory', file, '--name', 'shop'], { timeout: 100_000 });
  if (made.exit !== 0) throw new Error(made.stdout);
  const env = {
    ANTHROPIC_BASE_URL: model.url,
    ANTHROPIC_API_KEY: 'sk-ant-scripted',
    SCRIPTED_KEY: 'scripted',
  };
  return { desk, env };
}

test('one command takes a feature through the whole line: Claude Code, and Codex for the change', async () => {
  const { desk, env } = await openLine();
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
