import { styleText } from 'node:util';
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
    progress: (line) => void process.stderr.write(`${line}\n`),
    line: (value, text) => void process.stdout.write(`${json ? JSON.stringify(value) : text}\n`),
  };
}

export function printResult(json: boolean, { value, text, exit = EXIT.ok, failure }: Result): void {
  if (json) {
    const error = failure && { error: failure };
    process.stdout.write(`${JSON.stringify({ ok: exit === EXIT.ok, ...value, ...error })}\n`);
    return;
  }
  if (text) process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
}

export function printFailure(json: boolean, { code, message, remedy }: Failure): void {
  if (json) process.stdout.write(`${JSON.stringify({ ok: false, error: { code, message, remedy } })}\n`);
  else process.stderr.write(`${bad('millwright:')} ${shown(message)}\n${shown(remedy)}\n`);
}

/** Text that somebody else wrote, as one line that cannot steer a terminal. */
export function shown(text: string, width = 2000): string {
  const [row = '', more] = visibleRows(text.replaceAll('\n', ' '), width);
  return more === undefined ? row : `${row}…`;
}

/** Rows under headings, each column as wide as its widest cell. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = headings.map((heading, at) =>
    Math.max(heading.length, ...rows.map((row) => (row[at] ?? '').length)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd();
  return [strong(line(headings)), ...rows.map(line)].join('\n');
}

/** Only on a terminal, and not under NO_COLOR. */
export const strong = (text: string) => styleText('bold', text, { stream: process.stdout });
export const good = (text: string) => styleText('green', text, { stream: process.stdout });
export const bad = (text: string) => styleText('red', text, { stream: process.stderr });

/** A time of the store as a person reads it, in UTC. */
export const when = (ms: number) => new Date(ms).toISOString().replace('.000Z', 'Z');
