/** A table of Markdown; a cell is one line, whatever was in it. */
export const table = (head: readonly string[], rows: readonly (string | number)[][]): string =>
  [head, head.map(() => '---'), ...rows]
    .map(
      (cells) =>
        `| ${cells.map((cell) => String(cell).replaceAll(/\s+/g, ' ').replaceAll('|', '\\|')).join(' | ')} |`,
    )
    .join('\n');

/** A title and a list below it, or nothing where the list is empty. */
export const listed = (title: string, lines: readonly string[]): string =>
  lines.length === 0
    ? ''
    : [`${title}:`, ...lines.map((line) => `- ${line.replaceAll(/\s+/g, ' ')}`)].join('\n');
