import { isRefused, jsonOf } from './places.ts';
import type { Exchange, HttpRequest, Input, Site } from './types.ts';
import { get, pathOf, requestFor, validValues } from './values.ts';

const MOST_ADDRESSES = 50;
const MOST_MEMBERS = 4;
const ASSET = /\.(js|css|png|jpe?g|svg|ico|webp|woff2?|map|txt|xml)$|openapi|swagger|\/doc$/i;
export const ADMIN_LIKE =
  /(^|\/)(admin|administration|internal|debug|backoffice|management|staff|superuser|root)(\/|$)/i;
const OWNER_KEY =
  /^(owner|user|customer|account|patient|tenant|member|holder|recipient|client|student|guest|resident|subscriber|driver|payer|buyer|sender|belongs_?to)(_?(id|name|email))?$/i;
const AUTHOR_KEY = /^(author|creator|created_?by|posted_?by)(_?(id|name|email))?$/i;
const PRIVATE =
  /order|invoice|account|message|inbox|document|file|profile|address|payment|note|card|wallet|ticket|booking|appointment|prescription|record|medical|salary|secret|private|draft|settings|subscription|transaction|statement|todo|task|diary|journal|cart|receipt/i;

/** One way to use the product, as it is spelled when somebody does. */
export interface Operation {
  method: string;
  /** What names it in a report: with `{id}` where it takes one. */
  template: string;
  input: Input | undefined;
  build(tag: string): HttpRequest;
}

/** Everything that can be done with the product: reading each address, and each way to send something in. */
export function operationsOf({ surface }: Site): Operation[] {
  const reads = surface.pages
    .filter((page) => !ASSET.test(pathOf(page)))
    .map((page) => ({
      method: 'GET',
      template: pathOf(page),
      input: surface.inputs.find(({ method, path }) => method === 'GET' && matches(path, pathOf(page))),
      build: () => get(page),
    }));
  const sent = surface.inputs.flatMap((input) =>
    spellings(input).map((build) => ({ method: input.method, template: input.path, input, build })),
  );
  const seen = new Set<string>();
  return [...reads, ...sent]
    .filter(({ method, build }) => {
      const key = `${method} ${build('t').path}`;
      return !seen.has(key) && seen.add(key);
    })
    .slice(0, MOST_ADDRESSES);
}

/** The input with each known value of its last path parameter. */
function spellings(input: Input): ((tag: string) => HttpRequest)[] {
  const field = input.fields.findLast(({ place }) => place === 'path');
  const members = field ? membersOf(field.examples) : [undefined];
  return members.map(
    (member) => (tag: string) =>
      requestFor(input, {
        ...validValues(input, tag),
        ...(field && member !== undefined ? { [field.name]: member } : {}),
      }),
  );
}

/** Known members of a collection, or the usual first ones. */
export const membersOf = (examples: unknown[] | undefined): unknown[] =>
  examples && examples.length > 0 ? examples.slice(0, MOST_MEMBERS) : ['1', '2'];

export function matches(template: string, path: string): boolean {
  const pattern = template.split(/\{[^}]*\}/).map((text) => text.replace(/[.*+?^$()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${pattern.join('[^/]+')}$`).test(path);
}

/** What an address is about: its first word that is no prefix of the whole API. */
export const resourceOf = (path: string): string =>
  pathOf(path)
    .split('/')
    .find((part) => part !== '' && !/^(api|rest|v\d+|\{.*\})$/i.test(part)) ?? '';

/** Turned away: refused, or sent to where one logs in. */
export const isTurnedAway = (answer: Exchange): boolean =>
  isRefused(answer) ||
  (answer.status >= 300 &&
    answer.status < 400 &&
    /log-?in|sign-?in|auth/i.test(answer.headers.location ?? ''));

/** Turned away for want of an identity, and not because nothing is there. */
export const isGuarding = (answer: Exchange): boolean => isTurnedAway(answer) && answer.status !== 404;

/** Whether the two answers say the same, whatever the time was. */
export const isSame = (one: Exchange, other: Exchange): boolean =>
  one.status === other.status && plain(one) === plain(other);

const plain = ({ body }: Exchange) =>
  body.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z?/g, '').replace(/nonce="[^"]*"/g, '');

/** Why an answer looks like somebody's own: an owner in it, or what its address is about. */
export function ownerSign(answer: Exchange, path: string): string | undefined {
  const keys = keysOf(jsonOf(answer));
  const key = keys.find((one) => OWNER_KEY.test(one));
  if (key !== undefined) return `it has an owner ("${key}")`;
  const isAuthored = keys.some((one) => AUTHOR_KEY.test(one));
  return !isAuthored && PRIVATE.test(resourceOf(path)) ? `it is a ${resourceOf(path)}` : undefined;
}

/** Whether an answer says who made the thing. */
export const hasAuthor = (answer: Exchange): boolean =>
  keysOf(jsonOf(answer)).some((one) => AUTHOR_KEY.test(one) || OWNER_KEY.test(one));

function keysOf(json: unknown, depth = 0): string[] {
  if (typeof json !== 'object' || json === null || Array.isArray(json) || depth > 2) return [];
  return Object.entries(json).flatMap(([key, value]) => [key, ...keysOf(value, depth + 1)]);
}

/** The id of what was just made: in the answer's JSON, or the end of its location. */
export function idOf(answer: Exchange): string | undefined {
  if (answer.status >= 400) return undefined;
  const id = findValue(jsonOf(answer), ID_KEYS);
  if (id !== undefined) return String(id);
  const location = answer.headers.location?.split(/[?#]/)[0];
  return /\/([^/]+)$/.exec(location ?? '')?.[1];
}

/** What names the thing that was just made, as its answer spells it: an id, else a name. */
export function referenceOf(answer: Exchange): string | number | undefined {
  if (answer.status >= 400) return undefined;
  const json = jsonOf(answer);
  return findValue(json, ID_KEYS) ?? findValue(json, NAME_KEYS);
}

const ID_KEYS = ['id', '_id', 'uuid', 'slug', 'code'];
const NAME_KEYS = ['name', 'number', 'handle', 'login', 'username', 'email'];

function findValue(json: unknown, keys: readonly string[], depth = 0): string | number | undefined {
  if (typeof json !== 'object' || json === null || depth > 2) return undefined;
  for (const name of keys) {
    const value = (json as Record<string, unknown>)[name];
    if (typeof value === 'string' || typeof value === 'number') return value;
  }
  for (const value of Object.values(json)) {
    const found = findValue(value, keys, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}
