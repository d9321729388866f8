/**
 * What a terminal shows as itself, in one fixed place: printable ASCII and a list of letters and signs that are
 * read from left to right, stand alone, and can't be taken for ASCII signs. Everything else is written out.
 */
const SHOWN = new RegExp(
  [
    '^[\\x20-\\x5b\\x5d-\\x7e', // ASCII without the backslash, which starts an escape
    '§°·×÷–—‘’“”•…€→≤≥≠',
    'À-ÖØ-öø-ſȘ-țḀ-ỿ', // Latin
    'ΆΈ-ΊΌΎ-ΡΣ-ώ', // Greek
    'Ѐ-ҁҊ-ӿ', // Cyrillic
    '々一-鿿ぁ-ゖァ-ヺー가-힣、。「」『』・（）！？：，]$', // Chinese, Japanese, Korean
  ].join(''),
  'u',
);

/** Letters that often look like others: one word that mixes these scripts has its foreign letters written out. */
const LOOK_ALIKE_SCRIPTS = [/\p{Script=Latin}/u, /\p{Script=Greek}/u, /\p{Script=Cyrillic}/u];
const WORDS = /([\p{L}\p{N}]+)/u;

/**
 * One line of untrusted text as rows of at most `width` columns that show all of it. What could change the
 * picture (controls, terminal escapes, bidirectional and zero-width signs, combining marks, line separators,
 * spaces at the end, letters foreign to their word) appears as `\u{hex}`, and a backslash as `\\`, so that
 * different texts look different. An escape is never split between rows; an empty line is one empty row.
 */
export function visibleRows(line: string, width: number): string[] {
  const rows: string[] = [];
  let row = '';
  let columns = 0;
  for (const sign of visibleSigns(line)) {
    // Terminals differ on which of the others take two columns.
    const size = sign > '\x7f' ? 2 : sign.length;
    if (columns + size > width) {
      rows.push(row);
      row = '';
      columns = 0;
    }
    row += sign;
    columns += size;
  }
  return [...rows, row];
}

/** The scripts, of Greek and Cyrillic, whose letters are shown as themselves; a reader should be told of them. */
export function lookAlikeScripts(text: string): string[] {
  return ['Greek', 'Cyrillic'].filter((script) => new RegExp(`\\p{Script=${script}}`, 'u').test(text));
}

function visibleSigns(line: string): string[] {
  const text = line.trimEnd();
  const signs = text.split(WORDS).flatMap((part) => {
    const isMixed = LOOK_ALIKE_SCRIPTS.filter((script) => script.test(part)).length > 1;
    return Array.from(part, (sign) => (isMixed && sign > '\x7f' ? escapeOf(sign) : visibleSign(sign)));
  });
  return [...signs, ...Array.from(line.slice(text.length), escapeOf)];
}

function visibleSign(sign: string): string {
  if (sign === '\\') return '\\\\';
  return SHOWN.test(sign) ? sign : escapeOf(sign);
}

function escapeOf(sign: string): string {
  return `\\u{${sign.codePointAt(0)?.toString(16)}}`;
}
