import { memoryId, taskId } from '../../core/ids.ts';
import { said } from '../../core/memory/said.ts';
import type { Row } from '../../core/store/schema.ts';
import { oneLine } from '../keep.ts';

/** Titles in one answer. */
export const TITLES = 8;
const LONGEST_TITLE = 90;
const AGES = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
] as const;

/** An entry in a line: id, kind, age, whose word it is, what became of it, and how its text begins. */
export function titleOf(row: Row<'memories'>, now: number): string {
  const marks = [
    row.kind,
    ageOf(row.recorded_at, now),
    row.trust === 'third-party' ? 'third-party' : undefined,
    row.superseded_by !== null
      ? `superseded by ${memoryId(row.superseded_by)}`
      : row.valid_to !== null
        ? 'ended'
        : undefined,
  ];
  const title = cut(oneLine(row.text), LONGEST_TITLE);
  const shown = row.trust === 'third-party' ? JSON.stringify(title) : title;
  return `${memoryId(row.id)} ${marks.filter(Boolean).join(', ')}: ${shown}`;
}

/** An entry with where it comes from, and as much of its text as there is room for; usually all of it. */
export function fullText(row: Row<'memories'>, room: number): string {
  const from = [
    `${row.agent} (${row.role})`,
    new Date(row.recorded_at).toISOString(),
    row.task === null ? undefined : taskId(row.task),
    row.commit_id === null ? undefined : `commit ${row.commit_id.slice(0, 12)}`,
    row.origin === 'agent' ? undefined : `by ${row.origin}`,
    row.source === null ? undefined : `source ${JSON.stringify(row.source)}`,
    row.valid_to === null ? undefined : `valid until ${new Date(row.valid_to).toISOString()}`,
    row.superseded_by === null ? undefined : `superseded by ${memoryId(row.superseded_by)}`,
  ];
  const text = row.trust === 'third-party' ? cut(row.text, room, JSON.stringify) : cut(row.text, room);
  return `${memoryId(row.id)} ${row.kind}, ${from.filter(Boolean).join(', ')}: ${said({ ...row, text })}`;
}

/** At most so many characters, counted as JSON writes them; what is `quoted` before is longer still. */
function cut(text: string, room: number, quoted = (plain: string) => plain): string {
  const length = (part: string) => JSON.stringify(quoted(part)).length - 2;
  if (length(text) <= room) return text;
  let kept = text.slice(0, room - 1);
  while (length(kept) + 1 > room) kept = kept.slice(0, Math.floor(kept.length * 0.9));
  return `${kept.replace(/[\ud800-\udbff]$/, '')}…`;
}

function ageOf(at: number, now: number): string {
  const age = Math.max(0, now - at);
  const [unit, name] = AGES.find(([length]) => age >= length) ?? [60_000, 'min'];
  return `${Math.floor(age / unit)} ${name}`;
}
