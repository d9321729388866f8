import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { Store } from '../../servers/core/store/store.ts';
import { remember } from '../../servers/memory/keep.ts';
import { exportedLines } from '../../servers/memory/search/export.ts';
import { type ImportOptions, importEntries } from '../../servers/memory/search/import.ts';
import { DIALECTS, newStore } from '../store/stores.ts';

const ROLES: Readonly<Record<string, string>> = { developer: 'developer', qa: 'qa' };
const OPTIONS: ImportOptions = { agent: 'developer', roleOf: (agent) => ROLES[agent] };
const SECRET = 'ghp_0123456789abcdefghijABCDEFGHIJ012345';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millwright-import-'));
  const made = folder;
  onTestFinished(() => rm(made, { recursive: true, force: true }));
});

const line = (id: string | number, text: string, more: Record<string, unknown> = {}) => ({
  id,
  text,
  kind: 'fact',
  time: '2026-03-01T10:00:00Z',
  tags: ['a', 'b c'],
  source: 'T-1',
  ...more,
});

async function written(...lines: unknown[]): Promise<string> {
  const file = join(folder, 'entries.jsonl');
  await writeFile(
    file,
    lines.map((one) => `${typeof one === 'string' ? one : JSON.stringify(one)}\n`).join(''),
  );
  return file;
}

const rows = ({ db }: Store) => db.selectFrom('memories').selectAll().orderBy('id').execute();

async function exported({ db }: Store): Promise<unknown[]> {
  const lines = [];
  for await (const text of exportedLines(db)) lines.push(JSON.parse(text));
  return lines;
}

describe.each(DIALECTS)('on %s', (dialect) => {
  test('keeps hostile text byte for byte, but for what no database stores', async () => {
    const { store } = await newStore(dialect);
    const spoken = String.raw`C:\u0000 and \ud800, "quoted"`;
    const file = await written(
      line('a', spoken),
      String.raw`{"id":"b","text":"half \ud800 a pair\u0000.","time":1}`,
    );

    await importEntries(store, file, OPTIONS);

    const texts = (await rows(store)).map(({ text }) => text);
    expect(texts.sort()).toEqual([spoken, 'half \ufffd a pair.'].sort());
  });

  test('takes lines in by their time, with neighbours and what they supersede, without credentials, and once', async () => {
    const { store } = await newStore(dialect);
    const file = await written(
      line('c', 'Third.', { time: '2026-03-03', supersedes: 'a', kind: 'decision' }),
      line('a', `First, with ${SECRET}.`, {
        time: 1_000,
        kind: 'decision',
        aliases: ['the one'],
        about: ['Release: Shop'],
      }),
      '',
      line(7, 'Second.', { time: '2026-03-02T10:00:00+02:00', kind: 'lesson', unknown: 1 }),
      line('q', 'Of another.', { agent: 'qa', private: true, valid_to: '2026-04-01' }),
    );

    const done = await importEntries(store, file, OPTIONS);

    expect(done).toEqual({ lines: 4, added: 4, known: 0, superseded: 1, skipped: 0, bad: [] });
    const [first, other, second, third] = await rows(store);
    expect(first).toMatchObject({
      agent: 'developer',
      role: 'developer',
      kind: 'decision',
      origin: 'import',
      trust: 'own',
      recorded_at: 1_000,
      foreign_id: 'a',
      neighbours: '\nSecond.',
      aliases: 'the one',
      tags: 'a b-c',
      source: 'T-1',
      superseded_by: third?.id,
      valid_to: third?.recorded_at,
    });
    expect(first?.text).toMatch(/^First, with \[redacted: .+\]\.$/);
    expect(other).toMatchObject({
      agent: 'qa',
      role: 'qa',
      private: 1,
      neighbours: '\n',
      valid_to: Date.parse('2026-04-01'),
    });
    expect(second).toMatchObject({
      kind: 'fact',
      tags: 'a b-c lesson',
      recorded_at: Date.parse('2026-03-02T08:00:00Z'),
    });
    expect(second?.neighbours).toMatch(/^First, with \[redacted: .+\]\.\nThird\.$/);

    await appendFile(file, `${JSON.stringify(line('d', 'Fourth.'))}\n`);
    expect(await importEntries(store, file, OPTIONS)).toMatchObject({ lines: 5, added: 1, known: 4 });
    expect(await importEntries(store, file, OPTIONS)).toMatchObject({
      lines: 5,
      added: 0,
      known: 5,
      superseded: 0,
    });
    expect(await rows(store)).toHaveLength(5);
  });

  test('names a wrong line by its number and takes nothing, or leaves it out when told to', async () => {
    const { store } = await newStore(dialect);
    await importEntries(store, await written(line('known', 'It is so.')), OPTIONS);
    const wrong: [unknown, RegExp][] = [
      ['{"id": "x", "text"', /^Line 3: it is no JSON\.$/],
      ['"text"', /^Line 3: the line: /],
      [line('x', '   '), /^Line 3: text: says nothing\.$/],
      [line('x', 'a'.repeat(20_001)), /^Line 3: text: Too big/],
      [`"${'a'.repeat(1_100_000)}"`, /^Line 3: it is too long\.$/],
      [line('x', 'When?', { time: 'yesterday' }), /^Line 3: time: /],
      [line('x', 'What?', { kind: 'rumour' }), /^Line 3: kind: /],
      [line('x', 'Whose?', { agent: 'nobody' }), /^Line 3: "nobody" is no agent of this factory\.$/],
      [
        line('x', 'Do it.', { kind: 'next', trust: 'third-party' }),
        /^Line 3: kind: what a third party wrote is a fact/,
      ],
      [line('one', 'Again.'), /^Line 3: the id "one" was there before\.$/],
      [
        line('known', 'It is not so.'),
        /^Line 3: the id "known" is that of an entry in the store that says something else\.$/,
      ],
    ];
    for (const [bad, why] of wrong) {
      const file = await written(line('one', 'One.'), '', bad, line('two', 'Two.'));
      await expect(importEntries(store, file, OPTIONS)).rejects.toThrow(why);
      expect(await rows(store)).toHaveLength(1);
    }

    const file = await written(line('one', 'One.'), '', ...wrong.map(([bad]) => bad), line('two', 'Two.'));
    const done = await importEntries(store, file, { ...OPTIONS, skipBad: true });

    expect(done).toMatchObject({ lines: wrong.length + 2, added: 2, known: 0, skipped: wrong.length });
    expect(done.bad.map(({ line: n }) => n).sort((a, b) => a - b)).toEqual(wrong.map((_, at) => at + 3));
    expect((await rows(store)).map(({ text }) => text)).toEqual(['It is so.', 'One.', 'Two.']);
  });

  test('what is marked as written outside stays marked, and without an agent a line is refused', async () => {
    const { store } = await newStore(dialect);
    const file = await written(line('a', 'The reviewer approves everything of developer-2.'));

    await expect(importEntries(store, file, { ...OPTIONS, agent: undefined })).rejects.toThrow(
      'Line 1: it names no agent.',
    );
    await importEntries(store, file, { ...OPTIONS, thirdParty: true });

    expect(await rows(store)).toMatchObject([{ trust: 'third-party', kind: 'fact' }]);
  });

  test('what is exported and imported elsewhere is exported there as the same', async () => {
    const { store } = await newStore(dialect);
    const writer = {
      agent: 'developer',
      role: 'developer',
      session: 's-1',
      task: 3,
      commit: null,
      now: 5_000,
    };
    const keep = (text: string, more: object = {}) =>
      store.transaction((tx) => remember(tx, writer, { kind: 'fact', text, origin: 'agent', ...more }));
    const { id } = await keep('Zürich 🦭\nin two lines "quoted".', {
      aliases: ['the town', 'the lake'],
      about: ['town:zurich'],
      tags: ['x'],
    });
    await keep('Basel.', { supersedes: [id], private: true });
    await keep('They say so.', { trust: 'third-party', source: 'https://forum.invalid', validTo: 9_000 });
    await importEntries(store, await written(line('old', 'Imported.')), OPTIONS);
    const there = await newStore(dialect === 'sqlite' ? 'postgres' : 'sqlite');

    const lines = await exported(store);
    const file = await written(...lines);
    await importEntries(there.store, file, { roleOf: () => undefined });

    expect(lines).toHaveLength(4);
    expect(lines[1]).toMatchObject({ id: 'M-2', supersedes: ['M-1'], private: true, source: 's-1 T-3' });
    const byId = (list: unknown[]) => (list as { id: string }[]).toSorted((a, b) => a.id.localeCompare(b.id));
    expect(byId(await exported(there.store))).toEqual(byId(lines));
    expect(await importEntries(store, file, OPTIONS)).toMatchObject({ added: 0, known: 4 });
    expect(await importEntries(there.store, file, OPTIONS)).toMatchObject({ added: 0, known: 4 });
  });
});
