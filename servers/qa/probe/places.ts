import type { Exchange, Field, HttpRequest, Input, Site } from './types.ts';
import { pathOf, requestFor, validValues } from './values.ts';

const URL_LIKE =
  /ur[il]$|^(url|uri|href|src|link|image|avatar|webhook|callback|feed|target|proxy|host|domain|site|endpoint|origin|remote|source|next|redirect|return|continue|goto|dest|destination|to|back)/i;

/** One field of one input, and the request that puts a value there while all else is as it should be. */
export interface Place {
  input: Input;
  field: Field;
  /** Method and path, as a report names them. */
  where: string;
  build(value: unknown, tag: string): HttpRequest;
}

/** Every field that takes text of some kind. */
export function textPlaces(
  { surface }: Site,
  accepts: (field: Field, input: Input) => boolean = () => true,
): Place[] {
  return surface.inputs.flatMap((input) =>
    input.fields
      .filter((field) => field.type !== 'boolean' && field.type !== 'data' && accepts(field, input))
      .map((field) => ({
        input,
        field,
        where: whereOf(input),
        build: (value: unknown, tag: string) =>
          requestFor(input, { ...validValues(input, tag), [field.name]: value }),
      })),
  );
}

export const whereOf = ({ method, path }: Input): string => `${method} ${pathOf(path)}`;

/** The place of one request, bounded. */
export const whereOfRequest = ({ method, path }: HttpRequest): string =>
  `${method} ${pathOf(path).slice(0, 200)}`;

/** Whether a field by its name or type takes an address. */
export const takesAddress = ({ name, type }: Field): boolean => type === 'url' || URL_LIKE.test(name);

export const isOk = ({ status }: Exchange): boolean => status >= 200 && status < 300;
/** A success, or the redirect that follows one. */
export const isAccepted = ({ status }: Exchange): boolean => status >= 200 && status < 400;
export const isRefused = ({ status }: Exchange): boolean =>
  status === 401 || status === 403 || status === 404;

/** Two numbers that belong to a tag, and their product, which only an evaluation can make of them. */
export function factors(tag: string): { a: number; b: number; product: string } {
  let sum = 0;
  for (const char of tag) sum = (sum * 31 + char.charCodeAt(0)) % 999_983;
  const a = 7_000 + (sum % 2_000);
  const b = 3_000 + (Math.floor(sum / 2_000) % 3_000);
  return { a, b, product: String(a * b) };
}

/** A few characters around a text in an answer. */
export function around({ body }: Exchange, text: string): string {
  const at = body.indexOf(text);
  return body.slice(Math.max(0, at - 100), at + text.length + 60);
}

/** The answer's body without what was sent, in the spellings in which products repeat it. */
export function without(answer: Exchange, value: string): string {
  const html = value.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
  const spellings = [
    value,
    html,
    html.replace(/"/g, '&quot;').replace(/'/g, '&#39;'),
    html.replace(/"/g, '&quot;').replace(/'/g, '&#x27;'),
    JSON.stringify(value).slice(1, -1),
    encodeURIComponent(value),
    new URLSearchParams({ '': value }).toString().slice(1),
  ];
  return spellings.reduce((text, spelling) => text.replaceAll(spelling, ''), answer.body);
}

/** The JSON of an answer; undefined when it is none. */
export function jsonOf({ body, headers }: Exchange): unknown {
  if (!/\bjson\b/.test(headers['content-type'] ?? '')) return undefined;
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

/** The first list in an answer: the answer itself, or the longest list directly in it. */
export function listOf(answer: Exchange): unknown[] | undefined {
  const json = jsonOf(answer);
  if (Array.isArray(json)) return json;
  if (typeof json !== 'object' || json === null) return undefined;
  return Object.values(json)
    .filter((value) => Array.isArray(value))
    .sort((a, b) => b.length - a.length)[0];
}
