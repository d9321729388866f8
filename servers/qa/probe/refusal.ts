import { textField } from './field.ts';
import { elementsOf, ownText } from './html.ts';
import { jsonOf } from './places.ts';
import type { Exchange, Field, Input } from './types.ts';
import { shapeOf, told } from './wording.ts';

const MOST_WORDS = 600;
const MOST_FIELDS = 12;
const NAME = '[a-zA-Z_][a-zA-Z0-9_]{0,30}';
/** What stands where a name could, and is none. */
const NO_NAME = new RegExp(
  `^(${[
    'a an the this that it its body json request payload input field fields key keys value values string number',
    'integer boolean object array list text invalid valid missing required expected must be and or of is are not no',
    'error errors message bad wrong with for to in as content type header parameter parameters query form data send',
    'please provide given unknown unsupported malformed',
  ]
    .join(' ')
    .split(' ')
    .join('|')})$`,
  'i',
);
/** Words that are a name all the same where a colon or an issue says so. */
const NAME_WHEN_MARKED = /^(to|for)$/;
const MARKED = /(?<![\w-])["'`]?(to|for)["'`]?:/g;
const NAMING = [
  new RegExp(
    `["'\`](${NAME})["'\`](?=[^"'\`]*\\b(?:required|missing|must|should|expected|invalid|needed|needs|has to)\\b)`,
    'g',
  ),
  new RegExp(
    `\\b(?:missing|requires?|provide|needs?|expects?|expected|lacks?)(?: an?| the)?(?: field| parameter| property)?:? ["'\`]?(${NAME})\\b`,
    'gi',
  ),
  new RegExp(
    `\\b(${NAME})["'\`]?(?: field| parameter)? (?:is|are) (?:required|missing|needed|mandatory)`,
    'g',
  ),
  new RegExp(`(?:^|[;,.] )["'\`]?(${NAME})["'\`]?: (?=\\w)`, 'g'),
  new RegExp(`\\bobject with ((?:${NAME}))\\b`, 'gi'),
  new RegExp(`^["'\`]?(${NAME})["'\`]?:? (?:must|should|has to|needs to|is not|is invalid)\\b`, 'g'),
  new RegExp(`\\band ["'\`]?(${NAME})["'\`]?(?= (?:are|must|should)\\b)`, 'g'),
];

/** What a refusal says of one field, or of the request as a whole. */
interface Said {
  name: string | undefined;
  text: string;
}

/**
 * The input as the answer that refused it says it should be; undefined when nothing new was said. Names, types and
 * forms of fields are taken from issues in JSON and from sentences; what is read wrongly is refused again.
 */
export function taught(input: Input, answer: Exchange): Input | undefined {
  const said = sayings(answer);
  const whole = said.map(({ text }) => text).join(' ');
  const media = answer.status === 415 ? mediaIn(answer, whole) : undefined;
  if (media !== undefined && media !== input.media) return rawOf(input, media);
  let fields = [...input.fields];
  const encoding = encodingAfter(input, answer.status, whole);
  const put = (name: string, told: Partial<Field>) => {
    const index = fields.findIndex((one) => one.name === name);
    const known = fields[index];
    if (known) fields = fields.with(index, { ...known, ...told, name, required: true });
    else if (fields.length < MOST_FIELDS) fields.push({ ...fieldNamed(name, input), ...told });
  };
  for (const [name, value] of samples(whole)) put(name, { examples: [value], ...typeOfValue(value) });
  for (const { name, text } of said) {
    if (name !== undefined) put(name, told(text));
    else for (const [about, words] of mentions(text, fields, input)) put(about, told(words));
  }
  const next: Input = { ...input, encoding, fields };
  return JSON.stringify(next) === JSON.stringify(input) ? undefined : next;
}

/** Media types by the words for them; those first that begin with plain characters, so that a text can be one. */
const MEDIA: readonly [RegExp, string][] = [
  [/\bcsv\b/i, 'text/csv'],
  [/\bgif\b/i, 'image/gif'],
  [/\bwebp\b/i, 'image/webp'],
  [/\bsvg\b/i, 'image/svg+xml'],
  [/\bpdf\b/i, 'application/pdf'],
  [/\bmarkdown\b/i, 'text/markdown'],
  [/\bplain text\b|text\/plain/i, 'text/plain'],
  [/\bxml\b/i, 'application/xml'],
  [/\bjpe?g\b|\bphotos?\b/i, 'image/jpeg'],
  [/\bpng\b|\bimages?\b|\bpictures?\b/i, 'image/png'],
  [/\bzip\b/i, 'application/zip'],
  [/\bmp3\b/i, 'audio/mpeg'],
  [/\bmp4\b|\bvideos?\b/i, 'video/mp4'],
];

/** A type that a 415 names, as a type or in words, and that is neither JSON nor a form. */
function mediaIn({ headers }: Exchange, text: string): string | undefined {
  const named = [headers['accept-post'], headers['accept-patch'], headers.accept, text].join(' ');
  if (/\bjson\b|urlencoded|form-data/i.test(named)) return undefined;
  return (
    MEDIA.find(([words]) => words.test(named))?.[1] ??
    /\b(?:image|text|audio|video|application|font)\/[\w.+-]*\w/.exec(named)?.[0]
  );
}

const rawOf = (input: Input, media: string): Input => ({
  ...input,
  encoding: 'raw',
  media,
  fields: [
    ...input.fields.filter(({ place }) => place !== 'body'),
    { ...fieldNamed('body', input), type: 'text' },
  ],
});

function encodingAfter(input: Input, status: number, text: string): Input['encoding'] {
  if (input.method === 'GET') return 'none';
  if (input.encoding === 'none') return /form|urlencoded/i.test(text) ? 'form' : 'json';
  if (status !== 415 && !/content-type|must be json|expected json|invalid json|not json|as json/i.test(text))
    return input.encoding;
  if (/urlencoded|form/i.test(text) && !/json/i.test(text)) return 'form';
  if (/json/i.test(text)) return 'json';
  return status === 415 ? (input.encoding === 'json' ? 'form' : 'json') : input.encoding;
}

const fieldNamed = (name: string, { method }: Input): Field => ({
  ...textField(name, method === 'GET' ? 'query' : 'body'),
  type: /e-?mail/i.test(name) ? 'email' : /pass(word|phrase)?$/i.test(name) ? 'password' : 'text',
});

/** Sentences of an answer; those of JSON with the field that they stand at. */
function sayings(answer: Exchange): Said[] {
  const json = jsonOf(answer);
  if (json !== undefined) return fromJson(json, undefined, 0).slice(0, 20);
  const isHtml = /\bhtml\b/.test(answer.headers['content-type'] ?? '');
  const text = isHtml
    ? elementsOf(answer.body)
        .filter(({ tagName }) => !['script', 'style', 'title', 'option', 'label'].includes(tagName))
        .map(ownText)
        .join(' ')
    : answer.body;
  return [{ name: undefined, text: text.replace(/\s+/g, ' ').slice(0, MOST_WORDS) }];
}

function fromJson(json: unknown, name: string | undefined, depth: number): Said[] {
  if (depth > 5) return [];
  if (typeof json === 'string') return [{ name, text: json.slice(0, MOST_WORDS) }];
  if (Array.isArray(json)) return json.slice(0, 20).flatMap((one) => fromJson(one, name, depth + 1));
  if (typeof json !== 'object' || json === null) return [];
  const issue = json as Record<string, unknown>;
  const at = placeOf(issue) ?? name;
  const words = [
    'message',
    'msg',
    'error',
    'detail',
    'reason',
    'problem',
    'expected',
    'pattern',
    'description',
    'title',
    'hint',
    'format',
    'example',
  ]
    .map((key) => (typeof issue[key] === 'string' ? issue[key] : ''))
    .filter((text) => text !== '');
  const own = words.length > 0 ? [{ name: at, text: words.join(' ').slice(0, MOST_WORDS) }] : [];
  const within = Object.entries(issue).flatMap(([key, value]) => {
    const isGroup =
      /^(errors?|fieldErrors|issues|details?|fields|properties|validation|data|problems|invalid|missing|required)$/i.test(
        key,
      );
    if (
      isGroup &&
      Array.isArray(value) &&
      value.every((one) => typeof one === 'string' && /^\w{1,30}$/.test(one))
    )
      return value.map((one) => ({ name: String(one), text: '' }));
    if (typeof value === 'object') return fromJson(value, isGroup ? at : key, depth + 1);
    const isTold = typeof value === 'string' && depth > 0 && own.length === 0 && at === undefined;
    return isTold && isName(key) && /^\w{1,30}$/.test(key) ? [{ name: key, text: value }] : [];
  });
  return [...own, ...within];
}

const isName = (word: string): boolean => NAME_WHEN_MARKED.test(word) || !NO_NAME.test(word);

/** The field that an issue is about, as validators write it. */
function placeOf(issue: Record<string, unknown>): string | undefined {
  for (const key of ['path', 'field', 'param', 'property', 'loc', 'instancePath', 'name', 'key']) {
    const value = issue[key];
    const last = Array.isArray(value)
      ? value.find((one) => typeof one === 'string' && one !== 'body')
      : value;
    const name = typeof last === 'string' ? last.split(/[/.]/).filter(Boolean)[0] : undefined;
    if (name !== undefined && new RegExp(`^${NAME}$`).test(name) && isName(name)) return name;
  }
  return undefined;
}

/** Each field that a sentence names, with the words about it. */
function mentions(text: string, fields: readonly Field[], input: Input): [string, string][] {
  const place = input.method === 'GET' ? 'query' : 'body';
  const known = fields.filter((field) => field.place === place).map(({ name }) => name);
  const named = NAMING.flatMap((pattern) => [...text.matchAll(pattern)].map(([, name = '']) => name));
  const marked = [...text.matchAll(MARKED)].map(([, name = '']) => name);
  const names = [...known, ...named, ...listed(text.replace(/\s*\([^)]*\)/g, ''))].filter(
    (name) => !NO_NAME.test(name),
  );
  const placeOfName = (name: string) =>
    marked.includes(name)
      ? text.search(new RegExp(`(?<![\\w-])${name}["'\`]?:`))
      : text.search(new RegExp(`(?<![\\w-])${name}(?![\\w])`, 'i'));
  const found = [...new Set([...names, ...marked])]
    .map((name) => ({ name, at: placeOfName(name) }))
    .filter(({ at }) => at !== -1)
    .toSorted((a, b) => a.at - b.at);
  if (found.length === 0) {
    const [only] = known;
    return known.length === 1 && only !== undefined ? [[only, text]] : [];
  }
  return found.map(({ name, at }, index) => [
    name,
    found.length === 1 ? text : text.slice(at + name.length, found[index + 1]?.at ?? text.length),
  ]);
}

/** "fields: a, b and c", "send { a, b }", "with a and b". */
function listed(text: string): string[] {
  const braces = [...text.matchAll(/\{([^{}]{1,200})\}/g)].map(([, inner = '']) => inner);
  const lists = [
    ...text.matchAll(
      new RegExp(
        `(?:fields?|keys|properties|parameters)[: ]+((?:["'\`]?${NAME}["'\`]?(?:, ?(?:and )?| and ))+["'\`]?${NAME})`,
        'gi',
      ),
    ),
    ...text.matchAll(
      new RegExp(
        `\\b((?:["'\`]?${NAME}["'\`]?(?:, ?(?:and )?| and ))+["'\`]?${NAME})["'\`]? (?:are|is) (?:required|missing|needed)`,
        'gi',
      ),
    ),
    ...text.matchAll(
      new RegExp(`\\b(?:object|body|json) with ((?:${NAME}(?:, ?(?:and |or )?| and | or ))*${NAME})`, 'gi'),
    ),
  ].map(([, list = '']) => list);
  const inBraces = braces.flatMap((inner) =>
    inner.split(',').map((part) => /^\s*["'`]?([A-Za-z_]\w{0,30})["'`]?\??\s*(?::|$)/.exec(part)?.[1] ?? ''),
  );
  const inLists = lists
    .flatMap((list) => list.split(/, ?(?:and |or )?| and | or /))
    .map((word) => word.replace(/\W/g, ''));
  return [...inBraces, ...inLists].filter((name) => name !== '' && !NO_NAME.test(name));
}

/** The values of a JSON object that is written out in a sentence. */
function samples(text: string): [string, unknown][] {
  for (const [object] of text.matchAll(/\{[^{}]{2,300}\}/g)) {
    try {
      return Object.entries(JSON.parse(object) as Record<string, unknown>).filter(
        ([, value]) => value !== '…' && value !== '...',
      );
    } catch {
      // It is written in words.
    }
  }
  return [];
}

function typeOfValue(value: unknown): Partial<Field> {
  if (typeof value === 'number') return { type: 'number', minimum: value };
  if (typeof value === 'string' && /\d|^[A-Z_-]{3,}$/.test(value)) return { pattern: shapeOf(value) };
  if (typeof value === 'boolean') return { type: 'boolean' };
  return typeof value === 'object' ? { type: 'data' } : {};
}
