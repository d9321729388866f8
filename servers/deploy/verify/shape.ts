import { type Json, resolved } from './sample.ts';

const MAX_DEPTH = 12;
/** So many items of a list are looked at. */
const MOST_ITEMS = 50;

/**
 * Where a value is not of the shape that a JSON Schema (as OpenAPI 3 uses it) says, in words; undefined where it is.
 * It looks at types, required and unknown properties, constants and choices, and takes what it does not know as kept.
 */
export function misshapen(
  value: unknown,
  schema: Json,
  document: Json,
  at = 'body',
  depth = 0,
): string | undefined {
  const known = resolved(schema, document);
  if (!known || typeof known !== 'object' || depth > MAX_DEPTH) return undefined;
  const inner = (part: unknown, of: Json, where: string) => misshapen(part, of, document, where, depth + 1);
  if (value === null && isNullable(known)) return undefined;
  const types = typesOf(known);
  if (types.length > 0 && !types.some((type) => isOf(value, type)))
    return `${at} is ${wordFor(value)} instead of ${types.join(' or ')}`;
  if (!isAllowed(value, known)) return `${at} is none of the values that are declared`;
  const choices = listOf(known.oneOf ?? known.anyOf);
  if (choices.length > 0 && choices.every((one) => inner(value, one, at) !== undefined))
    return `${at} has none of the shapes that are declared`;
  for (const part of listOf(known.allOf)) {
    const fault = inner(value, part, at);
    if (fault !== undefined) return fault;
  }
  if (Array.isArray(value))
    return firstOf(value.slice(0, MOST_ITEMS), (item, index) => inner(item, known.items, `${at}[${index}]`));
  return isObject(value) ? inObject(value, known, at, inner) : undefined;
}

function inObject(
  value: Record<string, unknown>,
  schema: NonNullable<Json>,
  at: string,
  inner: (part: unknown, of: Json, where: string) => string | undefined,
): string | undefined {
  const required: unknown[] = Array.isArray(schema.required) ? schema.required : [];
  const properties = schema.properties ?? {};
  const missing = required.find(
    (name) => !Object.hasOwn(value, String(name)) && !isWriteOnly(properties, name),
  );
  if (missing !== undefined) return `${at}.${missing} is missing`;
  const closed = (schema.additionalProperties as unknown) === false && schema.patternProperties === undefined;
  const more = closed && Object.keys(value).find((name) => !Object.hasOwn(properties, name));
  if (more) return `${at}.${more.slice(0, 60)} is not declared`;
  return firstOf(Object.entries(properties), ([name, of]) =>
    Object.hasOwn(value, name) ? inner(value[name], of, `${at}.${name}`) : undefined,
  );
}

const isWriteOnly = (properties: NonNullable<Json>, name: unknown) =>
  (properties[String(name)]?.writeOnly as unknown) === true;

function typesOf({ type }: NonNullable<Json>): string[] {
  const named: unknown = type;
  return (Array.isArray(named) ? named : [named]).filter((one) => typeof one === 'string');
}

const isNullable = (schema: NonNullable<Json>) =>
  (schema.nullable as unknown) === true || typesOf(schema).includes('null');

function isAllowed(value: unknown, schema: NonNullable<Json>): boolean {
  const same = (one: unknown) => JSON.stringify(one) === JSON.stringify(value);
  if (Object.hasOwn(schema, 'const')) return same(schema.const);
  return !Array.isArray(schema.enum) || schema.enum.some(same);
}

function isOf(value: unknown, type: string): boolean {
  if (type === 'integer') return Number.isInteger(value);
  if (type === 'null') return value === null;
  if (type === 'array') return Array.isArray(value);
  if (type === 'object') return isObject(value);
  return !['string', 'number', 'boolean'].includes(type) || typeof value === type;
}

const wordFor = (value: unknown): string =>
  value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const listOf = (value: unknown): Json[] => (Array.isArray(value) ? value : []);

function firstOf<T>(
  all: readonly T[],
  look: (one: T, index: number) => string | undefined,
): string | undefined {
  for (const [index, one] of all.entries()) {
    const found = look(one, index);
    if (found !== undefined) return found;
  }
  return undefined;
}
