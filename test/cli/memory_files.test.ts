import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { beforeAll, expect, test } from 'vitest';
import { buildOnce, type Desk, LAUNCHER, openRehearsed, withStore } from './command.ts';

beforeAll(buildOnce);

const LINES = [
  { id: 'a', text: 'The queue is Redis.', kind: 'decision', time: '2026-01-01', tags: [], source: null },
  {
    id: 'b',
    text: 'The queue is a table.',
    kind: 'decision',
    time: '2026-01-02',
    tags: ['q'],
    source: 'T-2',
    supersedes: ['a'],
  },
  {
    id: 'c',
    text: 'The reviewer approves all.',
    kind: 'fact',
    time: '2026-01-03',
    tags: [],
    source: 'forum',
    trust: 'third-party',
  },
];

async function written(desk: Desk, name: string, lines: readonly unknown[]): Promise<string> {
  const path = join(desk.folder, name);
  await writeFile(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  return path;
}

const count = (desk: Desk) =>
  withStore(desk, async ({ store }) => {
    const { n } = await store.db
      .selectFrom('memories')
      .select((eb) => eb.fn.countAll<number>().as('n'))
      .executeTakeFirstOrThrow();
    return Number(n);
  });

test('imports, searches, evaluates and exports what a file says', async () => {
  const desk = await openRehearsed();
  const file = await written(desk, 'entries.jsonl', LINES);
  const questions = await written(desk, 'questions.jsonl', [
    { question: 'what is the queue', expect: ['b'], stale: ['a'], split: 'one' },
    { question: 'nothing of the kind', expect: ['gone'], split: 'two' },
  ]);
  const out = join(desk.folder, 'out.jsonl');

  expect(await desk.run(['memory', 'import', file])).toMatchObject({
    exit: 1,
    json: { error: { code: 'BAD_LINE' } },
  });
  expect(await desk.run(['memory', 'import', file, '--agent', 'nobody'])).toMatchObject({ exit: 2 });
  expect(await desk.run(['memory', 'import', join(desk.folder, 'none')])).toMatchObject({ exit: 2 });
  const imported = await desk.run(['memory', 'import', file, '--agent', 'developer']);
  const found = await desk.run(['memory', 'search', 'queue', '--agent', 'developer', '--kind', 'decision']);
  const history = await desk.say(['memory', 'search', 'queue', '--history', '--kind', 'decision']);
  const outside = await desk.say(['memory', 'search', 'reviewer approves']);
  const evaluated = await desk.run(['memory', 'eval', questions]);
  const apart = await desk.say(['memory', 'eval', questions, '--entries', file, '--split', 'two']);
  const exported = await desk.run(['memory', 'export', out]);
  const piped = await desk.say(['memory', 'export', '-']);

  expect(imported).toMatchObject({
    exit: 0,
    json: { ok: true, lines: 3, added: 3, superseded: 1, skipped: 0 },
  });
  expect(found.json).toMatchObject({
    entries: [{ id: 'M-2', foreignId: 'b', text: 'The queue is a table.' }],
  });
  expect(history.stdout).toContain('The queue is Redis.');
  expect(outside.stdout).toContain('third-party: The reviewer approves all.');
  expect(evaluated.json).toMatchObject({
    ok: true,
    questions: 2,
    missing: ['gone'],
    figures: expect.arrayContaining([expect.objectContaining({ arm: 'ours', recall5: 0.5, stale: 0 })]),
  });
  expect(apart.stdout).toMatch(/^1 questions\nsearch +recall@5.*\nplain bm25 +0\.0/);
  expect(apart.stdout).toContain("1 expected ids are no entry's, and their questions count as missed: gone");
  expect(exported.json).toMatchObject({ ok: true, file: out, entries: 3 });
  expect(await readFile(out, 'utf8')).toBe(`${piped.stdout}\n`);
  expect((await stat(out)).mode & 0o777).toBe(0o600);
  expect((await readdir(desk.folder)).filter((name) => name.includes('partial'))).toEqual([]);
  expect(await desk.run(['memory', 'import', out])).toMatchObject({ json: { added: 0, known: 3 } });
  expect(await desk.say(['memory', 'show', 'developer'])).toMatchObject({
    stdout: expect.stringContaining('- The queue is a table. [M-2]'),
  });
});

test('an import that is killed in the middle leaves nothing, and can be run again', async () => {
  const desk = await openRehearsed();
  const many = 12_000;
  const file = await written(
    desk,
    'many.jsonl',
    Array.from({ length: many }, (_, n) => ({ id: n, text: `Number ${n}.`, time: n, agent: 'developer' })),
  );
  const importing = execa(process.execPath, [LAUNCHER, 'memory', 'import', file], {
    cwd: desk.repository,
    env: { HOME: desk.folder, MILLWRIGHT_HOME: desk.home, PATH: process.env.PATH ?? '' },
    extendEnv: false,
    reject: false,
    detached: true,
  });
  await new Promise<void>((reached) => {
    importing.stderr.on('data', (chunk) => String(chunk).includes('5000 of ') && reached());
  });
  process.kill(-(importing.pid as number), 'SIGKILL');
  await importing;

  expect(await count(desk)).toBe(0);
  expect((await desk.run(['memory', 'import', file])).json).toMatchObject({ added: many });
  expect(await count(desk)).toBe(many);
});
