import type { Field, Input } from './types.ts';
import { pathOf } from './values.ts';

/** Who is believed first about what a route takes. */
const RANK: Record<string, number> = { description: 0, page: 1, source: 3 };
const rankOf = ({ origin }: Input): number => RANK[origin ?? ''] ?? 2;

const routeOf = ({ method, path }: Input): string => `${method} ${pathOf(path).replace(/\{[^}]*\}/g, '{}')}`;

/** Two inputs with the same key are the same way to send something in. */
export const inputKey = (input: Input): string =>
  `${routeOf(input)} ${input.encoding} ${input.fields.map(({ name, place }) => (place === 'path' ? '' : name))}`;

/**
 * Each way to send something in once, though it is known from several places: what a description or a form says is
 * completed by the source. What the source takes besides is kept as a guess, which is sent by attacks only. A mere
 * mention of a route without fields gives way to any that has them.
 */
export function merged(inputs: readonly Input[]): Input[] {
  const isBare = ({ method, fields }: Input) =>
    method !== 'GET' && fields.every(({ place }) => place === 'path');
  const whole = new Set(inputs.filter((input) => !isBare(input)).map(routeOf));
  const groups = new Map<string, Input[]>();
  for (const input of inputs) {
    if (isBare(input) && whole.has(routeOf(input))) continue;
    const key = `${routeOf(input)} ${input.encoding}`;
    groups.set(key, [...(groups.get(key) ?? []), input]);
  }
  return [...groups.values()].flatMap(together);
}

function together(group: Input[]): Input[] {
  const sorted = group.toSorted((a, b) => rankOf(a) - rankOf(b));
  const kept: Input[] = [];
  for (const input of sorted) {
    const at = kept.findIndex((one) => isSame(one, input));
    const known = kept[at];
    if (known) kept[at] = completed(known, input);
    else kept.push(input);
  }
  return kept;
}

/** A GET takes what any link, form or line of source gives it; a body is the same where the fields of one are among the other's. */
function isSame(known: Input, input: Input): boolean {
  if (known.method === 'GET') return known.origin !== 'description' || input.origin !== 'description';
  const names = (one: Input) => one.fields.filter(({ place }) => place !== 'path').map(({ name }) => name);
  const own = names(known);
  const others = names(input);
  return input.origin === 'source'
    ? own.length === 0 || others.some((name) => own.includes(name))
    : own.length === others.length && others.every((name) => own.includes(name));
}

function completed(known: Input, input: Input): Input {
  const isTold = known.origin === 'description' || known.origin === 'page';
  const fields = known.fields.map((field) => {
    const same = input.fields.find(({ name, place }) => name === field.name && place === field.place);
    return same ? fill(field, same) : field;
  });
  const more = input.fields
    .filter(({ name, place }) => place !== 'path' && !fields.some((field) => field.name === name))
    .map((field) =>
      isTold && field.place === 'body' ? { ...field, guessed: true, required: false } : field,
    );
  const headers = [...new Set([...(known.headers ?? []), ...(input.headers ?? [])])];
  const openCookie = known.openCookie ?? input.openCookie;
  return { ...known, fields: [...fields, ...more], headers, ...(openCookie !== undefined && { openCookie }) };
}

/** What the one leaves open, as the other says it. */
const fill = (field: Field, other: Field): Field => ({
  ...field,
  ...(field.pattern === undefined && other.pattern !== undefined && field.type === 'text'
    ? { pattern: other.pattern }
    : {}),
  minimum: field.minimum ?? other.minimum,
  maximum: field.maximum ?? other.maximum,
  examples: [...new Set([...(field.examples ?? []), ...(other.examples ?? [])])],
});
