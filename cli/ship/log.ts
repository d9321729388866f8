import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { scrub } from '../../servers/core/secrets/scrub.ts';
import { CommandError } from '../failures.ts';

const MAX_FAULT = 200;

/**
 * A failure of a command with what its jobs said beside it: the first fault of a build in its sentence, and the rest
 * in `ship.log` of the factory's folder, which the remedy names. Other errors are given back as they are.
 */
export async function withLog(home: string, lines: readonly string[], error: unknown): Promise<unknown> {
  if (!(error instanceof CommandError) || lines.length === 0) return error;
  const file = join(home, 'ship.log');
  const text = scrub(lines.join('\n'));
  await writeFile(file, `${text}\n`, { mode: 0o600 });
  const fault = faultIn(text);
  const message = fault === undefined ? error.message : `${error.message.replace(/\.$/, '')}: ${fault}.`;
  return new CommandError(error.code, message, `${error.remedy} All of it: ${file}`, error.exit);
}

/** What other tools begin a line with that says what went wrong, the surest first. */
const FAULTS = [
  /^.*\berror TS\d+: .+$/m,
  /^(?:.*: )?(?:[A-Za-z]*Error|error|FATAL ERROR)(?: \[\w+\])?: (?!command failed).+$/m,
  /^.*: (?:not found|command not found)$/m,
  /^npm error (?!code\b|A complete\b).+$/m,
];

/** The first error that a build names, in one line, with its place in the sources where wrangler names one. */
export function faultIn(log: string): string | undefined {
  const [fault] = [...log.matchAll(/\[ERROR\] (?!Build failed)(.+)(?:\s+([\w./@-]+:\d+):\d+:)?/g)];
  if (!fault) return otherFault(log);
  const [, what = '', place] = fault;
  const at = place === undefined ? '' : ` (${place.replace(/^(?:\.\.\/)+/, '')})`;
  return `${oneLine(what)}${at}`;
}

function otherFault(log: string): string | undefined {
  const found = FAULTS.map((pattern) => pattern.exec(log)?.[0]).find((line) => line !== undefined);
  return found === undefined ? undefined : oneLine(found);
}

const oneLine = (text: string) => text.trim().replace(/\s+/g, ' ').replace(/[.:]$/, '').slice(0, MAX_FAULT);
