import { applyEdits, type JSONPath, modify, type ParseError, parse } from 'jsonc-parser';
import { CommandError } from '../failures.ts';

const FORMAT = { formattingOptions: { insertSpaces: true, tabSize: 2, eol: '\n' } };

/** The value of a JSON file that a person may have edited. Throws `CommandError` when it is none. */
export function readJson(text: string | undefined, path: string): Record<string, unknown> {
  if (text === undefined || text.trim() === '') return {};
  const errors: ParseError[] = [];
  const value = parse(text, errors, { allowTrailingComma: true });
  if (errors.length === 0 && typeof value === 'object' && value !== null && !Array.isArray(value))
    return value;
  throw new CommandError('NOT_JSON', `${path} is no JSON object.`, 'Correct it, then run the command again.');
}

/** The text with one value set, or taken out where it is undefined; all else stays as it was written. */
export function setJson(text: string | undefined, at: JSONPath, value: unknown): string {
  const base = text === undefined || text.trim() === '' ? '{}\n' : text;
  return applyEdits(base, modify(base, at, value, FORMAT));
}

/** What lies at a path of a value; undefined when nothing does. */
export function valueAt(value: unknown, at: JSONPath): unknown {
  return at.reduce<unknown>(
    (inner, key) =>
      typeof inner === 'object' && inner !== null
        ? (inner as Record<string | number, unknown>)[key]
        : undefined,
    value,
  );
}

/** A list of a file, empty where there is none. Throws `CommandError` where something else stands in its place. */
export function listAt(value: unknown, at: JSONPath, path: string): unknown[] {
  const found = valueAt(value, at);
  if (found === undefined) return [];
  if (Array.isArray(found)) return found;
  throw new CommandError(
    'NOT_A_LIST',
    `${at.join('.')} in ${path} is no list.`,
    'Correct it, then run the command again.',
  );
}
