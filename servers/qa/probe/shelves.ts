import { matches, resourceOf } from './access.ts';
import { expression } from './pattern.ts';
import { jsonOf } from './places.ts';
import type { Exchange, Field, Input, Site } from './types.ts';
import { get, pathOf } from './values.ts';

const SPENT =
  /^(is_?)?(used|redeemed|spent|claimed|consumed|expired|cancelled|closed|taken)(_?(at|on|by))?$/i;
const CODE_LIKE = /code|coupon|voucher|token|nonce|ticket|pass|key|secret|challenge|reference|serial|pin$/i;
const DEPTH = 5;

/** A page of JSON that names values under a key: a place to take a fresh one from. */
export interface Shelf {
  page: string;
  key: string;
  values: (string | number)[];
}

/** Every value of an answer under its key, without those of things that are used up. */
export function shelvesOf(answer: Exchange): Shelf[] {
  const page = answer.request.path;
  const found = new Map<string, (string | number)[]>();
  const walk = (json: unknown, key: string, depth: number): void => {
    if (depth > DEPTH) return;
    if (Array.isArray(json)) for (const one of json.slice(0, 100)) walk(one, key, depth + 1);
    else if (typeof json === 'object' && json !== null) {
      const entries = Object.entries(json);
      if (entries.some(([name, value]) => SPENT.test(name) && Boolean(value))) return;
      for (const [name, value] of entries) walk(value, name, depth + 1);
    } else if ((typeof json === 'string' && json !== '') || typeof json === 'number')
      found.set(key, [...(found.get(key) ?? []), json]);
  };
  walk(jsonOf(answer), '', 0);
  return [...found].map(([key, values]) => ({ page, key, values }));
}

/** What the pages show to the first user. */
export async function shelves(site: Site): Promise<Shelf[]> {
  const found: Shelf[] = [];
  for (const page of site.surface.pages) found.push(...shelvesOf(await site.send(get(page))));
  return found;
}

/** The shelves that a field's values can be taken from, the likeliest first. */
export function shelvesFor(all: readonly Shelf[], input: Input, field: Field): Shelf[] {
  if (field.type === 'choice' || field.type === 'boolean' || field.type === 'data') return [];
  const bare = (name: string) => name.replace(/[_-]/g, '').toLowerCase();
  const base = bare(field.name).replace(/(id|code|key|no|number|ref)$/, '');
  const isNamed = ({ key }: Shelf) => bare(key) === bare(field.name);
  const isMember = ({ key, page }: Shelf) =>
    field.place === 'path'
      ? /^(_?id|slug|uuid|code)$/.test(key) &&
        matches(pathOf(input.path).split(`/{${field.name}}`)[0] ?? '', pathOf(page))
      : base !== '' &&
        bare(resourceOf(page)).startsWith(base) &&
        /^(_?id|uuid|code|key|number|value)$/.test(key);
  const isShaped = ({ values }: Shelf) =>
    field.pattern !== undefined &&
    values.every((value) => expression(field.pattern ?? '').test(String(value)));
  const isCode = ({ key }: Shelf) => CODE_LIKE.test(field.name) && CODE_LIKE.test(key);
  return [isNamed, isMember, isShaped, isCode].flatMap((rule) => all.filter(rule));
}

/** A value of that shelf that no request has used yet. */
export function freshOf(site: Site, answer: Exchange | undefined, key: string): string | number | undefined {
  const shelf = answer && shelvesOf(answer).find((one) => one.key === key);
  return shelf?.values.find((value) => !site.isSpent(value));
}
