import type { Exchange, Field, Input } from './types.ts';
import { pathOf } from './values.ts';

const MOST = 2_000;
const MOST_EXAMPLES = 8;
const IDS = ['id', 'slug', 'uuid', 'code', 'key', '_id'];
/** What names a member where it has no id. */
const NAMES = ['name', 'handle', 'login', 'username', 'email'];

/** A value that some answer of the product held, and where. */
interface Seen {
  path: string;
  key: string;
  value: string | number;
}

/** Values that the product's own answers name: what a path's parameter or a reference in a body can hold. */
export interface Harvest {
  read(answer: Exchange): void;
  /** An address that was seen, for what its path holds. */
  address(path: string): void;
  /** Whether a collection's own list named this as a member. */
  isMember(collection: string, value: string): boolean;
  /** Each address that was seen, without its query. */
  addresses(): string[];
  /** The input with examples for the fields that refer to something. */
  withExamples(input: Input): Input;
}

export function openHarvest(): Harvest {
  const seen: Seen[] = [];
  const addresses = new Set<string>();

  const walk = (path: string, value: unknown, key: string, depth: number): void => {
    if (seen.length >= MOST || depth > 5) return;
    if (Array.isArray(value)) for (const one of value.slice(0, 50)) walk(path, one, key, depth + 1);
    else if (typeof value === 'object' && value !== null)
      for (const [name, one] of Object.entries(value)) walk(path, one, name, depth + 1);
    else if (typeof value === 'string' ? value !== '' && value.length <= 100 : typeof value === 'number')
      seen.push({ path, key, value: value as string | number });
  };

  const examplesOf = (input: Input, field: Field): unknown[] => {
    const base = field.name.replace(/_?ids?$/i, '').toLowerCase();
    const refers = (path: string) =>
      base !== '' &&
      path
        .toLowerCase()
        .split('/')
        .some((part) => part === base || part === `${base}s`);
    const isSame = ({ key }: Seen) => key === field.name;
    const isOf = ({ key, path }: Seen) => IDS.includes(key) && refers(path);
    const collection = pathOf(input.path).split(`/{${field.name}}`)[0] ?? '';
    const isMember = ({ key, path }: Seen) =>
      IDS.includes(key) && (path === collection || path.startsWith(`${collection}/`));
    const isNamed = ({ key, path }: Seen) => NAMES.includes(key) && path === collection;
    const rules = field.place === 'path' ? [isMember, isSame, isOf, isNamed] : [isSame, isOf];
    const values = rules.flatMap((rule) => seen.filter(rule).map(({ value }) => value));
    return field.place === 'path' ? [...values, ...fromAddresses(input, field)] : values;
  };

  const fromAddresses = (input: Input, field: Field): string[] => {
    const pattern = input.path
      .split(/\{[^}]*\}/)
      .map((text) => text.replace(/[.*+?^$()|[\]\\]/g, '\\$&'))
      .join('([^/?#]+)');
    const index = [...input.path.matchAll(/\{([^}]*)\}/g)].findIndex(([, name]) => name === field.name);
    return [...addresses].flatMap((address) => {
      const value = new RegExp(`^${pattern}$`).exec(pathOf(address))?.[index + 1];
      return value === undefined ? [] : [decodeURIComponent(value)];
    });
  };

  return {
    read({ request, headers, body, status }) {
      if (status >= 300 || !/\bjson\b/.test(headers['content-type'] ?? '')) return;
      try {
        walk(pathOf(request.path), JSON.parse(body), '', 0);
      } catch {
        // Not JSON after all, or cut.
      }
    },
    address: (path) => void (/^[^%]*$/.test(path) && addresses.size < MOST && addresses.add(path)),
    isMember: (collection, value) =>
      seen.some((one) => one.path === collection && IDS.includes(one.key) && String(one.value) === value),
    addresses: () => [...new Set([...addresses].map(pathOf))],
    withExamples: (input) => ({
      ...input,
      fields: input.fields.map((field) => {
        const examples = [...new Set([...(field.examples ?? []), ...examplesOf(input, field)])];
        return { ...field, examples: examples.slice(0, MOST_EXAMPLES) };
      }),
    }),
  };
}
