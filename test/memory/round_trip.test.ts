import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { displayed, isRendering, memoryText, parseMemory } from '../../servers/memory/memory_file.ts';
import { memoryFile, syncMemory } from '../../servers/memory/render.ts';
import { startFactory } from '../harness.ts';

const text = fc
  .oneof(
    fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }),
    fc.stringMatching(/^[-#* \n[\]M0-9.<>!]{1,40}$/),
    fc.constantFrom(
      '## Decisions',
      '- x [M-1]',
      '[M-2]',
      '<!-- rendered 0123456789abcdef -->',
      '3 more live entries',
      '1. a',
    ),
  )
  .filter((one) => one.trim() !== '' && one.isWellFormed() && !one.includes('\0'));
const entry = fc.record({
  kind: fc.constantFrom('fact' as const, 'decision' as const, 'thread' as const, 'next' as const),
  text,
  trust: fc.constantFrom('own' as const, 'third-party' as const),
  source: fc.constantFrom('a mail', null),
  private: fc.constantFrom(0, 1),
  tags: fc.constantFrom('', 'conflict-M-3'),
});

test('what is rendered is read back as it was, whatever the entries say', () => {
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 30 }), (given) => {
      const entries = given.map((one, at) => ({ ...one, id: at + 1 }));

      const body = memoryText('developer', entries, entries.length, { lines: 1000, tokens: 20_000 });

      expect(isRendering(body)).toBe(true);
      const { lines, loose } = parseMemory(body);
      expect(loose).toEqual([]);
      const byId = lines.toSorted((a, b) => (a.id ?? 0) - (b.id ?? 0));
      expect(byId).toEqual(entries.map((one) => ({ kind: one.kind, text: displayed(one), id: one.id })));
    }),
    { numRuns: 300 },
  );
});

test('of any text a hand leaves behind, every word is in memory afterwards', async () => {
  const factory = await startFactory({ servers: ['memory'] });
  const path = memoryFile(factory.services.paths, 'developer');
  await mkdir(dirname(path), { recursive: true });
  await syncMemory(factory.services, 'developer');
  const word = fc.stringMatching(/^[a-z]{4,9}$/);
  const line = fc.tuple(
    fc.constantFrom('', '- ', '## ', '  ', '1. ', '<!-- ', '* ', '# Memory of '),
    fc.array(word, { minLength: 1, maxLength: 4 }),
    fc.constantFrom('', ' [M-1]', ' [M-7]', ' -->', '\r'),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 8 }), fc.boolean(), async (lines, keeps) => {
      const by = lines.map(([before, words, after]) => before + words.join(' ') + after).join('\n');
      const base = keeps ? await readFile(path, 'utf8') : '';
      await writeFile(path, keeps ? base.replace('## Decisions\n', `## Decisions\n${by}\n`) : by);

      await syncMemory(factory.services, 'developer');

      const rows = await factory.services.store.db.selectFrom('memories').select('text').execute();
      const all = rows.map((row) => row.text).join('\n');
      for (const [before, words] of lines)
        for (const one of before === '# Memory of ' ? [] : words) expect(all).toContain(one);
    }),
    { numRuns: 40 },
  );
});
