/** What a character of English or code takes at the least favourable; others are counted by their bytes. */
export const CHARACTERS_A_TOKEN = 3.2;

/** How many tokens a text takes at most, in ordinary text; cheap, and without any model's vocabulary. */
export function atMostTokens(text: string): number {
  const foreign = text.match(/[^\x00-\x7f]/gu)?.join('') ?? '';
  const plain = text.length - foreign.length;
  return Math.ceil(plain / CHARACTERS_A_TOKEN + Buffer.byteLength(foreign));
}

/** The longest beginning of `lines` that fits into a budget, each counted with its line end. */
export function fitting(lines: readonly string[], budgetTokens: number): string[] {
  let left = budgetTokens;
  const end = lines.findIndex((line) => {
    left -= atMostTokens(`${line}\n`);
    return left < 0;
  });
  return end < 0 ? [...lines] : lines.slice(0, end);
}
