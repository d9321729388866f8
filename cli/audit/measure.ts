/**
 * How many instructions an agent reads in a text: each list item, each table row under its heading row, and each
 * paragraph that stands alone. Headings are none; a line that goes on from an item or a paragraph belongs to it.
 */
export function countInstructions(markdown: string): number {
  return markdown
    .split(/\n\s*\n/)
    .map((block) => block.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#')))
    .reduce((sum, lines) => sum + inBlock(lines), 0);
}

const ITEM = /^\s*(?:[-*]|\d+\.)\s/;
const ROW = /^\s*\|/;
const HEADING_ROWS = 2;

function inBlock(lines: readonly string[]): number {
  const first = lines[0];
  if (first === undefined) return 0;
  const items = lines.filter((line) => ITEM.test(line)).length;
  const rows = lines.filter((line) => ROW.test(line)).length;
  const startsAsParagraph = !ITEM.test(first) && !ROW.test(first);
  return items + Math.max(0, rows - HEADING_ROWS) + (startsAsParagraph ? 1 : 0);
}

/** The text of one `## heading`, without it. Throws when the text has no such heading. */
export function section(markdown: string, heading: string): string {
  const [, rest] = markdown.split(new RegExp(`^## ${heading}$`, 'm'));
  if (rest === undefined) throw new Error(`There is no section "${heading}".`);
  return rest.split(/^## /m)[0] ?? '';
}

/** Sentences of at least six words, without marks of form, so that two texts can be compared. */
export function sentences(markdown: string): string[] {
  return markdown
    .replace(/^\s*(?:#+|[-*]|\d+\.|\|)\s*/gm, '. ')
    .split(/[.:;?!|]\s/)
    .map((sentence) =>
      sentence
        .toLowerCase()
        .replace(/[^\p{L}\p{N}']+/gu, ' ')
        .trim(),
    )
    .filter((sentence) => sentence.split(' ').length >= 6);
}
