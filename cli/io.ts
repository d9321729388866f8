import { stripVTControlCharacters, styleText } from 'node:util';
import { scrub } from '../servers/core/secrets/scrub.ts';
import { visibleRows } from '../servers/core/signing/visible_text.ts';
import { EXIT, type ExitCode, type Failure } from './failures.ts';

/** What a command found: `value` is printed by --json, `text` otherwise. */
export interface Result {
  readonly value: Readonly<Record<string, unknown>>;
  readonly text: string;
  /** 0 unless given; the JSON object says `ok: false` for any other. */
  readonly exit?: ExitCode;
  readonly failure?: Omit<Failure, 'exit'>;
}

/** How a command speaks: results on stdout, everything else on stderr. */
export interface Io {
  readonly json: boolean;
  /** For the person who waits; never part of the result. */
  progress(line: string): void;
  /** A result that grows line by line. */
  line(value: Readonly<Record<string, unknown>>, text: string): void;
}

export function openIo(json: boolean): Io {
  return {
    json,
    progress: (line) => void process.stderr.write(scrub(`${line}\n`)),
    line: (value, text) => void process.stdout.write(scrub(`${json ? JSON.stringify(value) : text}\n`)),
  };
}

export function printResult(json: boolean, { value, text, exit = EXIT.ok, failure }: Result): void {
  if (json) {
    const error = failure && { error: failure };
    process.stdout.write(scrub(`${JSON.stringify({ ok: exit === EXIT.ok, ...value, ...error })}\n`));
    return;
  }
  if (text) process.stdout.write(scrub(text.endsWith('\n') ? text : `${text}\n`));
}

export function printFailure(json: boolean, { code, message, remedy }: Failure): void {
  if (json)
    process.stdout.write(scrub(`${JSON.stringify({ ok: false, error: { code, message, remedy } })}\n`));
  else process.stderr.write(scrub(`${bad('millwright:')} ${shown(message)}\n${shown(remedy)}\n`));
}

/** Text that somebody else wrote, as one line that cannot steer a terminal. */
export function shown(text: string, width = 2000): string {
  const [row = '', more] = visibleRows(text.replaceAll('\n', ' '), width);
  return more === undefined ? row : `${row}…`;
}

const NARROWEST_LAST = 20;

/** Rows under headings, each column as wide as its widest cell; on a terminal the last one is cut to its width. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = headings.map((heading, at) =>
    Math.max(heading.length, ...rows.map((row) => (row[at] ?? '').length)),
  );
  const before = widths.slice(0, -1).reduce((sum, width) => sum + width + 2, 0);
  const room = Math.max(NARROWEST_LAST, terminalWidth() - before);
  const cut = (cell: string, at: number) =>
    at === widths.length - 1 && cell.length > room ? `${cell.slice(0, room - 1)}…` : cell;
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, at) => cut(cell, at).padEnd(at === widths.length - 1 ? 0 : (widths[at] ?? 0)))
      .join('  ')
      .trimEnd();
  return [strong(line(headings)), ...rows.map(line)].join('\n');
}

/** Whether each line has room on this terminal; what goes elsewhere has all the room it needs. */
export const fits = (text: string) =>
  text.split('\n').every((line) => stripVTControlCharacters(line).length <= terminalWidth());

const terminalWidth = () => process.stdout.columns ?? Number.POSITIVE_INFINITY;

/** Only on a terminal, and not under NO_COLOR. */
export const strong = (text: string) => styleText('bold', text, { stream: process.stdout });
export const good = (text: string) => styleText('green', text, { stream: process.stdout });
export const bad = (text: string) => styleText('red', text, { stream: process.stderr });

/** A time for a table, in UTC to the minute. */
export const minuteOf = (ms: number) => new Date(ms).toISOString().slice(0, 16).replace('T', ' ');

/** A time of the store as a person reads it, in UTC. */
export const when = (ms: number) => new Date(ms).toISOString().replace('.000Z', 'Z');
