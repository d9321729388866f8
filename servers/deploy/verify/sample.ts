/** Parsed JSON of unknown shape. */
export type Json = { readonly [key: string]: Json } | undefined;

/** What verification data says of itself, so that a person can find and remove it. */
const MARK = 'Millwright verification';
/** An id that nobody's data has. */
const NOBODY = 2_147_483_647;
const MAX_DEPTH = 8;
const MAX_ITEMS = 5;

/** The part of a document that `$ref` names, at most a few steps; other values as they are. */
export function resolved(value: Json, document: Json, steps = 8): Json {
  const ref = value?.$ref as unknown;
  if (typeof ref !== 'string' || steps === 0) return value;
  if (!ref.startsWith('#/')) return undefined;
  const keys = ref
    .slice(2)
    .split('/')
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
  const found = keys.reduce<Json>(
    (at, key) => (at && Object.hasOwn(at, key) ? at[key] : undefined),
    document,
  );
  return resolved(found, document, steps - 1);
}

/** A value that a JSON Schema (as OpenAPI 3 uses it) accepts, as far as that can be read off it. */
export function sampleOf(schema: Json, document: Json, depth = 0): unknown {
  const known = resolved(schema, document);
  if (!known || depth > MAX_DEPTH) return null;
  const given = [known.const, first(known.enum), known.example, first(known.examples), known.default];
  const found = given.find((value) => value !== undefined);
  if (found !== undefined) return found;
  const [choice] = listOf(known.oneOf ?? known.anyOf);
  if (choice) return sampleOf(choice, document, depth + 1);
  if (known.allOf) {
    const parts = listOf(known.allOf).map((part) => sampleOf(part, document, depth + 1));
    return Object.assign({}, ...parts.filter((part) => typeof part === 'object'));
  }
  return ofType(known, document, depth);
}

/** A value for a path that names no existing thing. */
export const idOfNobody = (schema: Json): string =>
  ['integer', 'number'].includes(typeOf(schema)) ? String(NOBODY) : 'millwright-verification';

function ofType(schema: NonNullable<Json>, document: Json, depth: number): unknown {
  switch (typeOf(schema)) {
    case 'string':
      return textFor(schema);
    case 'integer':
    case 'number':
      return numberFor(schema);
    case 'boolean':
      return true;
    case 'array': {
      const items = Math.min(Math.max(numberIn(schema.minItems) ?? 1, 1), MAX_ITEMS);
      return Array.from({ length: items }, () => sampleOf(schema.items, document, depth + 1));
    }
    case 'object':
      return objectFor(schema, document, depth);
    default:
      return null;
  }
}

function objectFor(schema: NonNullable<Json>, document: Json, depth: number): Record<string, unknown> {
  const required = new Set<unknown>(Array.isArray(schema.required) ? schema.required : []);
  const wanted = Object.entries(schema.properties ?? {}).filter(([name, property]) => {
    const readOnly: unknown = resolved(property, document)?.readOnly;
    return readOnly !== true && (required.has(name) || depth < 3);
  });
  return Object.fromEntries(
    wanted.map(([name, property]) => [name, sampleOf(property, document, depth + 1)]),
  );
}

function textFor(schema: NonNullable<Json>): string {
  const byFormat: Record<string, string> = {
    email: 'verification@example.com',
    uri: 'https://example.com/',
    url: 'https://example.com/',
    date: '2026-01-01',
    'date-time': '2026-01-01T00:00:00Z',
    uuid: '00000000-0000-4000-8000-000000000000',
  };
  const text = byFormat[String(schema.format)] ?? MARK;
  const min = Math.min(numberIn(schema.minLength) ?? 0, 10_000);
  const max = numberIn(schema.maxLength) ?? Math.max(min, text.length);
  return text.padEnd(min, '.').slice(0, max);
}

function numberFor(schema: NonNullable<Json>): number {
  const lowest = numberIn(schema.minimum) ?? (numberIn(schema.exclusiveMinimum) ?? 0) + 1;
  return Math.min(lowest, numberIn(schema.maximum) ?? lowest);
}

/** The type of a schema: the first that is not null, and what its keywords suggest where none is named. */
function typeOf(schema: Json): string {
  const type = schema?.type as unknown;
  const named: unknown = Array.isArray(type) ? type.find((one) => one !== 'null') : type;
  if (typeof named === 'string') return named;
  return schema?.properties ? 'object' : schema?.items ? 'array' : 'string';
}

const numberIn = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);
const listOf = (value: unknown): Json[] => (Array.isArray(value) ? value : []);
const first = (value: unknown): unknown => (Array.isArray(value) ? value[0] : undefined);
