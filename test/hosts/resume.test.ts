import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type Desk, LAUNCHER, PASSPHRASE, withStore } from '../cli/command.ts';
import { openLine } from './line_desk.ts';
import { playsTheLine } from './line_script.ts';
import { type ModelStub, startModelStub } from './model_stub.ts';

const LONG_MS = 120_000;
const REQUEST = 'A link to each artifact.';
const step = (role: string) => ({
  role,
  title: 'State it',
  criteria: ['It is stated'],
  stops: ['It is not'],
});
const PIPELINE = {
  title: 'From a sentence to a decision',
  rounds: 2,
  phases: [
    {
      id: 'state',
      name: 'REQ',
      on_failure: 'state',
      steps: [
        {
          ...step('ceo'),
          id: 'state',
          writes: ['wanted'],
          checkpoint: { name: 'wanted', artifact: 'wanted' },
        },
      ],
    },
    {
      id: 'plan',
      name: 'ANA',
      on_failure: 'state',
      steps: [{ ...step('reviewer'), id: 'plan', reads: ['wanted'], writes: ['planned'] }],
    },
  ],
};

let model: ModelStub;
let answers: Promise<void>;
let goOn: () => void;
beforeAll(async () => {
  answers = new Promise((resolve) => {
    goOn = resolve;
  });
  const plays = playsTheLine(() => 'true');
  model = await startModelStub(async (request) => {
    await answers;
    return plays(request);
  });
});
afterAll(() => model.close());

/**
 * A command of the desk that runs on, started by a Node that is too old, as `npx` may do: what it said so far, and
 * Ctrl-C as a terminal sends it, to the launcher and to the Node that the launcher started.
 */
async function begin(desk: Desk, args: readonly string[], env: Record<string, string> = {}) {
  const old = join(desk.folder, 'old.cjs');
  await writeFile(old, "Object.defineProperty(process.versions, 'node', { value: '18.19.0' });\n");
  const child = execa(process.execPath, ['-r', old, LAUNCHER, ...args], {
    detached: true,
    cwd: desk.repository,
    env: {
      PATH: process.env.PATH ?? '',
      TMPDIR: process.env.TMPDIR ?? '/tmp',
      HOME: desk.folder,
      MILLWRIGHT_HOME: desk.home,
      ...env,
    },
    extendEnv: false,
    stdin: 'ignore',
    reject: false,
    timeout: LONG_MS,
  });
  const { pid = 0 } = child;
  onTestFinished(() => void child.kill());
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece) => (said += piece));
  return { child, said: () => said, ctrlC: () => process.kill(-pid, 'SIGINT') };
}

const until = { timeout: LONG_MS, interval: 200 };

test('a person interrupts a run, goes on with it, follows it, and it waits for their decision', async () => {
  const { desk, env } = await openLine(model, { decide: PIPELINE });
  const first = await begin(desk, ['run', REQUEST, '--pipeline', 'decide', '--yes', '--json'], env);
  await expect.poll(() => first.said(), until).toMatch(/run 1 ceo \(T-1\): works on claude-code/);
  await expect.poll(() => model.requests.length, until).toBeGreaterThan(0);
  first.ctrlC();
  const interrupted = await first.child;
  expect([interrupted.exitCode, JSON.parse(interrupted.stdout).error?.code]).toEqual([130, 'INTERRUPTED']);
  const rows = () =>
    withStore(desk, async ({ store: { db } }) => ({
      runs: await db.selectFrom('spawns').select(['id', 'outcome', 'process']).orderBy('id').execute(),
      task: await db
        .selectFrom('tasks')
        .select(['state', 'lapses'])
        .where('id', '=', 1)
        .executeTakeFirstOrThrow(),
    }));
  const left = await rows();
  expect(left.runs.map(({ outcome }) => outcome)).toEqual(['stopped']);
  expect(left.task).toEqual({ state: 'ready', lapses: 0 });
  const { pid } = JSON.parse(left.runs[0]?.process ?? '{}');
  expect(() => process.kill(pid, 0)).toThrow('ESRCH');

  goOn();
  const follows = await begin(desk, ['runs', '--follow']);
  const second = await begin(desk, ['run', '--resume', '--json'], env);
  await expect.poll(() => second.said(), until).toMatch(/C-1 waits for you: .*millwright approve C-1/);
  await expect.poll(async () => (await rows()).runs.at(-1)?.outcome, until).toBe('returned');
  const waiting = await rows();
  await new Promise((resolve) => setTimeout(resolve, 3000));
  expect(await rows()).toEqual(waiting);
  expect(waiting.task).toEqual({ state: 'ready', lapses: 0 });
  expect(second.child.nodeChildProcess.exitCode).toBeNull();

  const approved = await desk.run(['approve', 'C-1', '--human', 'owner'], { input: PASSPHRASE });
  expect(approved.json).toMatchObject({ ok: true, state: 'approved' });
  const done = await second.child;
  expect(JSON.parse(done.stdout)).toMatchObject({ ok: true, pipeline: 'P-1', state: 'done', runs: 4 });
  await expect
    .poll(() => follows.said(), until)
    .toMatch(
      /run 1 {2}ceo.*stopped[\s\S]*run 2 {2}ceo.*returned[\s\S]*run 3 {2}ceo.*completed[\s\S]*run 4 {2}reviewer.*completed/,
    );
  follows.ctrlC();
  expect((await follows.child).exitCode).toBe(0);
}, 400_000);
