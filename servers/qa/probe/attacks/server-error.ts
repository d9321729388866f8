import type { Attack, Field, HttpRequest, Input, Site } from '../types.ts';
import { fitText, get, HEADERS, pathOf, requestFor, summary, validValues } from '../values.ts';

const HUGE = 100_000;
const TEXTS = [
  '',
  ' ',
  "' OR '1'='1' --",
  '"; DROP TABLE x; --',
  '\u0000\u0007\u202e',
  '👩‍🚀é\ufffd',
  '%s%n {{7*7}} <%= 7 %>',
  '../../../../etc/passwd',
  'a\r\nb: c',
  '__proto__',
  '-1',
  '99999999999999999999',
  'NaN',
];
const JSON_VALUES: unknown[] = [null, true, -1, 1e308, [], ['a'], {}, { toString: 'x' }];
const BROKEN_BODIES = ['', '{', '[]', 'null', '"text"', '{"a":'.repeat(500), '--x\r\n', '%', 'a=%ff&&=&=='];
const BODY_TYPES = [
  'application/json',
  'application/x-www-form-urlencoded',
  'multipart/form-data',
  'multipart/form-data; boundary=x',
  'text/plain',
  'x',
];
const PATHS = [
  '/%',
  '/%ff',
  '/..%2f..%2f..%2fetc%2fpasswd',
  '/%00',
  '//',
  `/${'a'.repeat(4_000)}`,
  '/constructor',
  '/__proto__',
];

/** Input that no honest visitor sends makes the product fail instead of refuse. */
export const serverError: Attack = {
  kind: 'server-error',

  async run(site) {
    for (const path of PATHS) await site.send(get(path));
    for (const input of site.surface.inputs) {
      for (const request of hostileRequests(input, site)) await site.send(request);
    }
    for (const page of new Set(site.surface.pages.map(pathOf))) {
      for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) await site.send({ ...get(page), method });
    }
  },

  observe({ request, status }) {
    if (status !== 0 && status < 500) return [];
    const where = `${request.method} ${pathOf(request.path).slice(0, 200)}`;
    return [
      {
        kind: serverError.kind,
        severity: 'high',
        title: `Hostile input ends in a server error: ${where}`,
        where,
        experiment: () => ({
          steps: [request],
          judge: ([answer]) =>
            answer && (answer.status === 0 || answer.status >= 500) ? summary(answer) : undefined,
        }),
      },
    ];
  },
};

function* hostileRequests(input: Input, site: Site): Generator<HttpRequest> {
  const valid = validValues(input, site.tag());
  for (const field of input.fields) {
    for (const value of hostileValues(field, input))
      yield requestFor(input, { ...valid, [field.name]: value });
  }
  if (input.encoding === 'none') return;
  const { path } = requestFor(input, valid);
  yield { method: input.method, path, headers: { ...HEADERS } };
  for (const type of BODY_TYPES) {
    for (const body of BROKEN_BODIES) {
      yield { method: input.method, path, headers: { ...HEADERS, 'content-type': type }, body };
    }
  }
}

/** Missing, empty, oversized, just inside and just outside the bounds, metacharacters and, in JSON, other types. */
function hostileValues(field: Field, input: Input): unknown[] {
  const json = input.encoding === 'json' && field.place === 'body';
  const max = field.maxLength;
  const lengths = max === undefined ? [HUGE] : [max, max + 1, HUGE];
  const size = field.place === 'body' ? HUGE : 4_000;
  const sized = lengths.map((length) => 'z'.repeat(Math.min(length, size)));
  const padded = TEXTS.flatMap((text) =>
    field.minLength > text.length ? [text, fitText(text, field)] : [text],
  );
  return [undefined, ...padded, ...sized, ...(json ? JSON_VALUES : [])];
}
