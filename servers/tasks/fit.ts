/** How much of an answer its largest part may take: hosts cut answers above 10,000 characters. */
const PAGE_ROOM = 9_000;
/** Of one UTF-16 unit in JSON, for example of a control character. */
const LONGEST_ESCAPE = 6;

/**
 * `text` cut so that its JSON form, where a quote takes two characters and a control character six, takes at
 * most `room` characters; an ellipsis says that it was cut.
 */
export function clip(text: string, room: number): string {
  if (text.length * LONGEST_ESCAPE + 2 <= room || JSON.stringify(text).length <= room) return text;
  let kept = text.slice(0, room);
  while (kept !== '' && JSON.stringify(`${kept}…`).length > room) {
    const over = JSON.stringify(kept).length - room;
    kept = kept.slice(0, -Math.max(1, Math.ceil(over / LONGEST_ESCAPE)));
  }
  return `${/[\ud800-\udbff]$/.test(kept) ? kept.slice(0, -1) : kept}…`;
}

/** As many of the first rows as fit one answer. */
export function fitting<T>(rows: readonly T[]): T[] {
  let room = PAGE_ROOM;
  const first = rows.findIndex((row) => {
    room -= JSON.stringify(row).length + 1;
    return room < 0;
  });
  return first < 0 ? [...rows] : rows.slice(0, first);
}
