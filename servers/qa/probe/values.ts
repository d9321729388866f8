import { diceOf, expression, textMatching } from './pattern.ts';
import type { Exchange, Field, HttpRequest, Input } from './types.ts';

const BOUNDARY = 'millwright-qa-probe-boundary';

/** Headers that every request of the probe carries: it looks at what a browser would get. */
export const HEADERS = { accept: 'text/html,*/*' };

/** A plain GET. */
export const get = (path: string): HttpRequest => ({ method: 'GET', path, headers: { ...HEADERS } });

/** An address without its query: what a report names. */
export const pathOf = (path: string): string => path.replace(/[?#].*$/s, '');

/** Status and first line of an answer: what a report shows of a failure. */
export const summary = ({ status, body }: Exchange): string =>
  `${status || 'no answer'}: ${body.split('\n')[0]}`;

/** Values that the product should accept, as far as one can know; texts hold the tag. */
export function validValues(input: Input, tag: string): Record<string, unknown> {
  const sent = input.fields.filter(({ guessed, required }) => !guessed || required);
  return Object.fromEntries(sent.map((field) => [field.name, validValue(field, tag)]));
}

/** Names of fields that want one of few values, not just any text. */
const REFERS =
  /(^|_|[a-z])(id|ids|code|coupon|voucher|sku|slug|uuid|key|currency|country|locale|to|recipient|receiver|payee|beneficiary|member|friend|invitee)$/i;
const PASSWORD = 'Long-enough-Passw0rd-1';

function validValue(field: Field, tag: string): unknown {
  const { type, place, examples = [], pattern, name } = field;
  const [example] = examples;
  const isReference = place === 'path' || REFERS.test(name) || pattern !== undefined;
  if (example !== undefined && (isReference || type === 'data') && type !== 'choice') return example;
  switch (type) {
    case 'choice':
      return field.options[0];
    case 'boolean':
      return true;
    case 'number':
      return field.minimum ?? Math.min(1, field.maximum ?? 1);
    case 'email':
      return `${tag}@example.com`;
    case 'password':
      return example ?? PASSWORD;
    case 'url':
      return `https://example.com/${tag}`;
    case 'date':
      return '2030-01-15';
    case 'uuid':
      return '3f2b8c1e-5d4a-4b6f-9a7e-0c1d2e3f4a5b';
    case 'data':
      return {};
    case 'text':
      if (place === 'path') return '1';
      return pattern === undefined ? fitText(plainText(field, tag), field) : patternedText(field, tag);
  }
}

/** Words with the tag, in the shape that the field's name asks for. */
function plainText({ name }: Field, tag: string): string {
  if (/^e-?mail$|_email$|Email$/.test(name)) return `${tag}@example.com`;
  if (/pass(word|phrase)?$/i.test(name)) return PASSWORD;
  return /^(user_?name|login|handle|nick(name)?|slug)$/i.test(name) ? tag : `Plain words ${tag}`;
}

/** A text of the field's pattern and length that belongs to the tag; the tag itself where none is found. */
export function patternedText(field: Field, tag: string): string {
  const { pattern = '', minLength, maxLength = Number.POSITIVE_INFINITY } = field;
  const isFitting = (text: string) =>
    text.length >= minLength && text.length <= maxLength && matches(pattern, text);
  const words = [plainText(field, tag), tag, tag.toUpperCase(), tag.replace(/\d/g, 'a')];
  const exact = minLength > 0 ? [pattern.replace(/[+*](\$?)$/, `{${minLength}}$1`)] : [];
  const made = [...exact, pattern, pattern, pattern].map(
    (one, index) => textMatching(one, diceOf(`${tag}${index}`)) ?? '',
  );
  return [...words, ...made].find(isFitting) ?? tag;
}

function matches(pattern: string, text: string): boolean {
  try {
    return expression(pattern).test(text);
  } catch {
    return false;
  }
}

/** The text, lengthened behind to the field's minimum or cut to its maximum. */
export function fitText(text: string, field: Field): string {
  return text.padEnd(field.minLength, ' and more').slice(0, field.maxLength);
}

/** The request that sends these values. A field without a value is left out. */
export function requestFor(input: Input, values: Record<string, unknown>): HttpRequest {
  const given = (place: Field['place']) =>
    input.fields.filter((field) => field.place === place && values[field.name] !== undefined);
  const path = given('path').reduce(
    (text, { name }) => text.replaceAll(`{${name}}`, encodeURIComponent(String(values[name]).toWellFormed())),
    input.path,
  );
  const query = new URLSearchParams(
    given('query').map(({ name }): [string, string] => [name, String(values[name])]),
  );
  const address = query.size === 0 ? path : `${path}${path.includes('?') ? '&' : '?'}${query}`;
  const names = given('body').map(({ name }) => name);
  return { method: input.method, path: address, ...bodyFor(input, names, values) };
}

/** How files of a type begin. */
const BEGINNINGS: Record<string, string> = {
  'image/gif': 'GIF89a',
  'image/webp': 'RIFF\0\0\0\0WEBPVP8 ',
  'image/svg+xml': '<svg xmlns="http://www.w3.org/2000/svg"/>',
  'application/pdf': '%PDF-1.4\n',
  'text/csv': 'a,b\n1,2\n',
};

function bodyFor(input: Input, names: string[], values: Record<string, unknown>) {
  switch (input.encoding) {
    case 'none':
      return { headers: { ...HEADERS } };
    case 'raw':
      return {
        headers: { ...HEADERS, 'content-type': input.media ?? 'text/plain' },
        body: (BEGINNINGS[input.media ?? ''] ?? '') + names.map((name) => String(values[name])).join(''),
      };
    case 'json':
      return {
        headers: { ...HEADERS, 'content-type': 'application/json' },
        body: JSON.stringify(Object.fromEntries(names.map((name) => [name, values[name]]))),
      };
    case 'form':
      return {
        headers: { ...HEADERS, 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams(
          names.map((name): [string, string] => [name, String(values[name])]),
        ).toString(),
      };
    case 'multipart': {
      const parts = names.map(
        (name) =>
          `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${values[name]}\r\n`,
      );
      return {
        headers: { ...HEADERS, 'content-type': `multipart/form-data; boundary=${BOUNDARY}` },
        body: `${parts.join('')}--${BOUNDARY}--\r\n`,
      };
    }
  }
}
