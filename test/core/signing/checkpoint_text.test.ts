import naughtyStrings from 'big-list-of-naughty-strings' with { type: 'json' };
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CheckpointDecision, checkpointText } from '../../../servers/core/signing/checkpoint_text.ts';

const plain: CheckpointDecision = {
  decision: 'approve',
  factory: 'mill',
  checkpoint: 'cp_1',
  name: 'product-spec',
  subject: `sha256:${'a'.repeat(64)}`,
  title: 'A bakery’s order page',
  requestedBy: 'cto',
  requestedAt: '2026-11-21T08:00:00.000Z',
  expiresAt: '2026-11-22T08:00:00.000Z',
  nonce: 'n0nce',
  document: '# Spec\n\nÜber 3 pages → “done”.',
};
const FIELDS = [
  'factory',
  'checkpoint',
  'name',
  'subject',
  'title',
  'requestedBy',
  'requestedAt',
  'expiresAt',
  'nonce',
] as const;
const LABELS =
  'decision|factory|checkpoint|name|subject|title|requested by|requested at|expires at|nonce|look-alike letters|document length|sha256';

/** Signs that a terminal may act on, hide, reorder, stack or take for a line's end. */
const DANGEROUS =
  /[\p{C}\p{M}\p{Zl}\p{Zp}]|[^\P{Zs} ]|\p{Default_Ignorable_Code_Point}|[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]/u;

/** The rows of a text whose shape is checked: the fixed labels in order, each once, then the document, then the end. */
function checkedRows(text: string): string[] {
  const rows = text.split('\n');
  expect(rows.shift()).toBe('Millwright checkpoint 1');
  expect(rows.pop()).toBe('');
  const starts = rows.filter((row) => !row.startsWith('+ ') && !row.startsWith('| '));
  expect(starts.map((row) => row.split(':')[0]).join('|')).toBe(`${LABELS}|end of document`);
  for (const row of rows) {
    expect(row).not.toMatch(DANGEROUS);
    expect(columns(row)).toBeLessThanOrEqual(76);
  }
  return rows;
}
const columns = (row: string) => [...row].reduce((sum, sign) => sum + (sign > '\x7f' ? 2 : 1), 0);

/** Undoes the escapes: what was shown is all of what was there. */
function unescaped(rows: string[]): string {
  const text = rows.map((row) => (row.startsWith('+ ') ? row.slice(2) : `\n${row.slice(2)}`)).join('');
  return text
    .slice(1)
    .replace(/\\(?:\\|u\{([0-9a-f]+)\})/g, (_, hex?: string) =>
      hex ? String.fromCodePoint(Number.parseInt(hex, 16)) : '\\',
    );
}

/** The document as a reader of the rows would type it again. */
function documentIn(rows: string[]): string {
  const first = rows.findIndex((row) => row.startsWith('| '));
  return unescaped(rows.slice(first, rows.indexOf('end of document')));
}

it('has a fixed shape', () => {
  expect(checkpointText(plain)).toBe(`Millwright checkpoint 1
decision: APPROVE
factory: mill
checkpoint: cp_1
name: product-spec
subject: sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
+ aaaa
title: A bakery’s order page
requested by: cto
requested at: 2026-11-21T08:00:00.000Z
expires at: 2026-11-22T08:00:00.000Z
nonce: n0nce
look-alike letters: none
document length: 37 bytes, 3 lines
sha256: fddb54cbde2d2b272888fc8749c23586b0e8e50a3121fca66f46967f17e153e6
| # Spec
| 
| Über 3 pages → “done”.
end of document
`);
});

describe('hostile text', () => {
  it.each(FIELDS)('can change no row but its own in %s', (field) => {
    for (const hostile of naughtyStrings.filter((text) => text.length <= 1000)) {
      const rows = checkedRows(checkpointText({ ...plain, [field]: hostile }));
      expect(documentIn(rows)).toBe(plain.document);
    }
  });

  it('is shown whole in the document', () => {
    for (const hostile of [...naughtyStrings, naughtyStrings.join('\n')]) {
      const rows = checkedRows(checkpointText({ ...plain, document: hostile }));
      expect(documentIn(rows)).toBe(hostile);
    }
  });

  it('of any kind is shown whole, and differs when it differs', () => {
    const text = fc.string({
      unit: fc.oneof(
        fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
        fc.constantFrom('\n', '\\', 'u{41}', '+ ', '| ', ' ', '\r', '\x1b[2J', '\ud800', 'а', 'e'),
      ),
      maxLength: 200,
    });
    fc.assert(
      fc.property(text, text, (title, document) => {
        const rows = checkedRows(checkpointText({ ...plain, title, document }));
        expect(documentIn(rows)).toBe(document);
        const from = rows.findIndex((row) => row.startsWith('title: '));
        const to = rows.findIndex((row) => row.startsWith('requested by: '));
        const [first = '', ...more] = rows.slice(from, to);
        expect(unescaped([`| ${first.slice('title: '.length)}`, ...more])).toBe(title);
      }),
    );
  });

  it.each([
    ['a terminal escape', 'a\x1b[2Jb', 'a\\u{1b}[2Jb'],
    ['an eight-bit terminal escape', 'a\x9b2Jb', 'a\\u{9b}2Jb'],
    ['a carriage return', 'safe\rrisky', 'safe\\u{d}risky'],
    ['a newline', 'x\ndecision: REJECT', 'x\\u{a}decision: REJECT'],
    ['a line separator', 'x\u2028y', 'x\\u{2028}y'],
    ['a next line', 'x\u0085y', 'x\\u{85}y'],
    ['a backspace', 'no\b\bok', 'no\\u{8}\\u{8}ok'],
    ['a tab', 'a\tb', 'a\\u{9}b'],
    ['a bidirectional override', 'a\u202eb', 'a\\u{202e}b'],
    ['a bidirectional isolate', 'a\u2066b', 'a\\u{2066}b'],
    ['a letter that runs from right to left', 'pay \u05d0 100', 'pay \\u{5d0} 100'],
    ['a zero-width space', 'a\u200bb', 'a\\u{200b}b'],
    ['a soft hyphen', 'a\u00adb', 'a\\u{ad}b'],
    ['a Hangul filler', 'a\u3164b', 'a\\u{3164}b'],
    ['a tag character', 'a\u{e0041}b', 'a\\u{e0041}b'],
    ['a variation selector', 'a\ufe0fb', 'a\\u{fe0f}b'],
    ['a combining mark', 'a\u0336b', 'a\\u{336}b'],
    ['a no-break space', 'a\u00a0b', 'a\\u{a0}b'],
    ['a space at the end', 'a  ', 'a\\u{20}\\u{20}'],
    ['a written escape', '\\u{41}', '\\\\u{41}'],
    ['a Cyrillic letter in a Latin word', 'p\u0430ypal.example', 'p\\u{430}ypal.example'],
    ['the twin of a colon', 'decision\ua789 x', 'decision\\u{a789} x'],
    ['a lone surrogate', 'a\ud800', 'a\\u{d800}'],
  ])('writes out %s', (_, title, shown) => {
    expect(checkedRows(checkpointText({ ...plain, title }))).toContain(`title: ${shown}`);
  });

  it('can’t fake a field by filling up a row', () => {
    const title = `${'x'.repeat(69)}expires at: 2099`;
    expect(checkpointText({ ...plain, title })).toContain(`title: ${'x'.repeat(69)}\n+ expires at: 2099\n`);
    const document = `a\nend of document\ndecision: REJECT\n${' '.repeat(74)}decision: REJECT`;
    expect(checkpointText({ ...plain, document })).toContain('\n| end of document\n| decision: REJECT\n|');
  });
});

it('shows Greek, Russian and Japanese words as they are, and names look-alike letters', () => {
  const rows = checkedRows(checkpointText({ ...plain, document: 'Привет, κόσμος\nWebサイトを公開する。' }));
  expect(rows).toContain('| Привет, κόσμος');
  expect(rows).toContain('| Webサイトを公開する。');
  expect(rows).toContain('look-alike letters: Greek, Cyrillic');
});

it('differs for approve and reject, and for every field', () => {
  const texts = [
    plain,
    { ...plain, decision: 'reject' as const },
    ...[...FIELDS, 'document' as const].map((field) => ({ ...plain, [field]: 'other' })),
  ];
  expect(new Set(texts.map(checkpointText)).size).toBe(12);
});

it('is quick on a long line of mixed words, and refuses what is too long', () => {
  const start = performance.now();
  checkpointText({ ...plain, document: 'aб '.repeat(80_000) });
  expect(performance.now() - start).toBeLessThan(2000);
  expect(() => checkpointText({ ...plain, document: 'x'.repeat(256 * 1024 + 1) })).toThrow(RangeError);
  expect(() => checkpointText({ ...plain, title: 'x'.repeat(1001) })).toThrow(RangeError);
});

it('takes no third decision', () => {
  expect(() => checkpointText({ ...plain, decision: 'maybe' as 'approve' })).toThrow(RangeError);
});
