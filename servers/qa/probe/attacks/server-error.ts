import type { Attack, Field, HttpRequest, Input, Site } from '../types.ts';
import { fitText, get, pathOf, requestFor, summary, validValues } from '../values.ts';

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
/** What is the finding of another attack, or no fault of the product: it may well fail to reach our listener. */
const NOT_ITS_OWN = new Set(['malformed-body', 'oversized-body', 'ssrf']);
const RANDOM_TEXTS = 4;
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

  observe({ request, status }, by) {
    if ((status !== 0 && status < 500) || NOT_ITS_OWN.has(by)) return [];
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
    for (const value of [...hostileValues(field, input), ...boundaries(field), ...randomTexts(site)])
      yield requestFor(input, { ...valid, [field.name]: value });
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

/** Just inside, on and just outside of what the description allows. */
function boundaries({ type, minimum, maximum, minLength }: Field): unknown[] {
  switch (type) {
    case 'number': {
      const low = minimum ?? 0;
      const high = maximum ?? Number.MAX_SAFE_INTEGER;
      return [low - 1, low, low + 0.5, high, high + 1, Number.MAX_SAFE_INTEGER + 2, '0x10', '1e400'];
    }
    case 'date':
      return ['2030-02-31', '0000-00-00', '9999999-01-01', 'tomorrow'];
    case 'email':
      return ['@', 'a@b@c', `${'a'.repeat(300)}@example.com`];
    case 'url':
      return ['http://', 'javascript:1', 'http://[', '//'];
    case 'text':
      return minLength > 1 ? ['z'.repeat(minLength - 1), 'z'.repeat(minLength)] : [];
    default:
      return ['none-of-these'];
  }
}

const ALPHABET = [
  'a',
  'Z',
  '0',
  ' ',
  "'",
  '"',
  '<',
  '&',
  '%',
  '\\',
  '/',
  '\n',
  '\t',
  '{',
  '}',
  '\u0000',
  '\u200b',
  '\ud83d',
  '\ude00',
  'ß',
  '漢',
  '\u0301',
];

/** Texts of odd characters; the site's tags are the dice, so that the same seed throws the same. */
const randomTexts = (site: Site): string[] =>
  Array.from({ length: RANDOM_TEXTS }, () =>
    [...site.tag()].map((char) => ALPHABET[char.charCodeAt(0) % ALPHABET.length]).join(''),
  );
