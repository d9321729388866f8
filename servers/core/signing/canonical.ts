import { createHash } from 'node:crypto';

/** Deeper values are refused, so that hostile nesting can't exhaust the stack. */
const MAX_DEPTH = 64;

/**
 * The one text of a plain value, after RFC 8785 (JCS): no white space, keys in order of UTF-16 code units.
 *
 * A subset: numbers are safe integers; strings and keys are well-formed Unicode; objects are plain; nothing is
 * dropped in silence. Throws TypeError for everything else (undefined, fractions, dates, lone surrogates, depth
 * over 64), because what has no single text can't be signed.
 */
export function canonicalJson(value: unknown): string {
  return textOf(value, 0);
}

/** SHA-256 as 64 lower-case hex digits; a string is hashed as UTF-8. */
export function sha256Hex(data: Uint8Array | string): string {
  return createHash('sha256').update(data).digest('hex');
}

function textOf(value: unknown, depth: number): string {
  if (depth > MAX_DEPTH) throw new TypeError(`canonical JSON is at most ${MAX_DEPTH} levels deep`);
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return stringText(value);
  if (typeof value === 'number') return integerText(value);
  if (Array.isArray(value)) return arrayText(value, depth);
  if (isPlainObject(value)) return objectText(value, depth);
  throw new TypeError(`canonical JSON has no ${typeof value === 'object' ? 'class instance' : typeof value}`);
}

function stringText(text: string): string {
  if (!text.isWellFormed()) throw new TypeError('canonical JSON has no lone surrogate');
  return JSON.stringify(text);
}

function integerText(number: number): string {
  if (!Number.isSafeInteger(number)) throw new TypeError('a number in canonical JSON is a safe integer');
  return String(number);
}

function arrayText(items: readonly unknown[], depth: number): string {
  // Array.from visits holes, which map() would skip.
  return `[${Array.from(items, (item) => textOf(item, depth + 1)).join(',')}]`;
}

function objectText(object: Record<string, unknown>, depth: number): string {
  const members = Object.keys(object)
    .sort()
    .map((key) => `${stringText(key)}:${textOf(object[key], depth + 1)}`);
  return `{${members.join(',')}}`;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
