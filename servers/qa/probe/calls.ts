import { textField } from './field.ts';
import type { Input } from './types.ts';

const MOST_CALLS = 50;
/** `fetch('/x', { method: 'POST', … })`, up to the end of its options as far as they are short. */
const FETCH =
  /\bfetch\(\s*(["'`])(\/[^"'`\s]{0,200})\1\s*(?:\+\s*([\w.]+)\s*)?,\s*\{([\s\S]{0,600}?)\}\s*\)/g;
const METHOD = /\bmethod\s*:\s*["'`](POST|PUT|PATCH|DELETE)["'`]/i;
const SENT = /JSON\.stringify\(\s*\{([^{}]{1,300})\}/;

/** The ways to send something in that a page's script calls. */
export const callsIn = (script: string): Input[] =>
  [...script.matchAll(FETCH)].slice(0, MOST_CALLS).flatMap(([, , path = '', joined, options = '']) => {
    const method = METHOD.exec(options)?.[1]?.toUpperCase();
    if (method === undefined) return [];
    const whole = (joined === undefined ? path : `${path}{id}`)
      .replace(/\$\{(?:[^{}]*\.)?(\w+)[^{}]*\}/g, '{$1}')
      .replace(/\?.*$/, '');
    const inPath = [...whole.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => textField(name, 'path'));
    const names = namesIn(SENT.exec(options)?.[1] ?? '');
    const fields = [...inPath, ...names.map((name) => textField(name, 'body'))];
    const isForm = /FormData|URLSearchParams/.test(options);
    const encoding = names.length > 0 ? 'json' : isForm ? 'form' : 'none';
    return [{ method, path: whole, encoding, fields, origin: 'page' as const }];
  });

/** The keys of an object that is written out, without its braces. */
const namesIn = (inner: string): string[] =>
  inner.split(',').flatMap((part) => /^\s*["']?(\w{1,40})["']?\s*(?::|$)/.exec(part)?.[1] ?? []);

/** A method and a path in a sentence, `POST to /x`, `GET /x?url=…` or `POST /x {name, sum}`. */
const MENTION =
  /\b(GET|POST|PUT|PATCH|DELETE)(?:\s+to)?\s+(\/[\w\-./:{}<>]*)(\?[\w\-=&%.]*)?(?:\s+(?:with\s+)?\{([^{}]{1,200})\})?/g;

/** The ways to use a product that a text names by method and path; those of GET are addresses. */
export function mentionsIn(text: string): { inputs: Input[]; addresses: string[] } {
  const found = [...text.slice(0, 20_000).matchAll(MENTION)].slice(0, MOST_CALLS);
  const spelled = found.map(([, method = '', path = '', query = '', sent = '']) => ({
    method,
    names: method === 'GET' ? [] : namesIn(sent),
    path: path.replace(/:(\w+)|<(\w+)>/g, (_, a, b) => `{${a ?? b}}`).replace(/(.)[./:]+$/, '$1'),
    query,
  }));
  return {
    addresses: spelled
      .filter(({ method, path }) => method === 'GET' && !path.includes('{'))
      .map(({ path, query }) => path + query),
    inputs: spelled
      .filter(({ method, path }) => method !== 'GET' || path.includes('{'))
      .map(({ method, path, names }) => ({
        method,
        path,
        encoding: names.length > 0 ? 'json' : 'none',
        fields: [
          ...[...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => textField(name, 'path')),
          ...names.map((name) => textField(name, 'body')),
        ],
      })),
  };
}

/** What the answer 405 says may be done besides reading. */
export const allowedAt = (path: string, allow: string | undefined): Input[] =>
  (allow ?? '')
    .split(/\s*,\s*/)
    .filter((method) => /^(POST|PUT|PATCH)$/i.test(method))
    .map((method) => ({ method: method.toUpperCase(), path, encoding: 'none', fields: [] }));
