const COMMON = new Set(
  'about after again all and any are because been before but can could did does down every for from had has have her him his how into its let more most never not nobody nothing off one only other our out over own same she should some somebody than that the their them then there they thing this those through too two under until was were what when where which who whose why will with would you your'.split(
    ' ',
  ),
);
/** Enough of a word to tell it from others, and to see it again in another form. */
const STEM = 5;

/**
 * How much two texts speak of the same things, from 0 to 1: the cosine of their counts of word stems, without common
 * words and headings.
 */
export function likeness(one: string, other: string): number {
  const a = stems(one);
  const b = stems(other);
  const dot = [...a].reduce((sum, [stem, count]) => sum + count * (b.get(stem) ?? 0), 0);
  const length = (counts: ReadonlyMap<string, number>) => Math.hypot(...counts.values());
  return dot === 0 ? 0 : dot / (length(a) * length(b));
}

function stems(text: string): Map<string, number> {
  const counts = new Map<string, number>();
  const words =
    text
      .replace(/^#.*$/gm, '')
      .toLowerCase()
      .match(/[\p{L}]{3,}/gu) ?? [];
  for (const word of words.filter((each) => !COMMON.has(each))) {
    const stem = word.slice(0, STEM);
    counts.set(stem, (counts.get(stem) ?? 0) + 1);
  }
  return counts;
}
