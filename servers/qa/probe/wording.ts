import type { Field } from './types.ts';

const WORDS = 'zero one two three four five six seven eight nine ten eleven twelve'.split(' ');
const COUNT = `(\\d{1,2}|${WORDS.slice(1).join('|')})`;
/** "six digits", "4 upper-case letters", "a dash". */
const PIECE = new RegExp(
  `${COUNT}[ -]*((?:upper|lower)-?case |capital |small |hex(?:adecimal)? )?(digits?|numbers?|letters?|hex\\b)|\\b(dash|hyphen|underscore|colon|dot)\\b|followed by ['"\`](.{1,4}?)['"\`]`,
  'gi',
);
const JOINTS: Record<string, string> = { dash: '-', hyphen: '-', underscore: '_', colon: ':', dot: '\\.' };

/** What a sentence about a field says of it. */
export type Told = Partial<
  Pick<Field, 'type' | 'minLength' | 'maxLength' | 'minimum' | 'maximum' | 'options' | 'pattern' | 'examples'>
>;

/** Reads the words of a refusal, "must be 6 digits" for example. Nothing is known for certain: it is tried out. */
export function told(text: string): Told {
  const pattern = patternIn(text);
  const choices = choicesIn(text);
  const examples = examplesIn(text);
  if (choices.length > 0) return { type: 'choice', options: choices };
  if (pattern !== undefined && !/\b(whole number|integer)\b/i.test(text))
    return { type: 'text', pattern, examples: [] };
  if (examples.length > 0 && !NUMBER.test(text))
    return { ...typeIn(text), examples, pattern: shapeOf(examples[0] ?? '') };
  return { ...typeIn(text), ...boundsIn(text) };
}

const NUMBER =
  /\b(integer|number|numeric|whole(?= \w+,? (?:above|over|from|between)\b)|cents|positive|greater than|at least \d+$|decimal)\b/i;

function typeIn(text: string): Told {
  const list = /\b(?:array|list)\b(?: of (\w+))?/i.exec(text);
  if (list) return { type: 'data', examples: [/^(int|num|id)/i.test(list[1] ?? '') ? [1] : ['word']] };
  if (/\b(an |json )?object\b/i.test(text)) return { type: 'data', examples: [{}] };
  if (/\bbool(ean)?\b|\btrue or false\b/i.test(text)) return { type: 'boolean' };
  if (/\buuid\b/i.test(text)) return { type: 'uuid' };
  if (/\be-?mail\b/i.test(text)) return { type: 'email' };
  if (/\b(url|uri|https?)\b|web address/i.test(text)) return { type: 'url' };
  if (/\b(timestamp|date-?time|iso[- ]?8601)\b/i.test(text))
    return { type: 'text', examples: ['2030-01-15T10:00:00.000Z'], pattern: '^\\d{4}-\\d\\d-\\d\\dT' };
  if (/\bdate\b|yyyy-mm-dd/i.test(text)) return { type: 'date' };
  if (NUMBER.test(text)) return { type: 'number', ...(/positive/i.test(text) ? { minimum: 1 } : {}) };
  return /\b(string|text|non-?empty)\b/i.test(text) ? { type: 'text' } : {};
}

/** "between 1 and 5", "at least 8 characters", "at most 100". */
function boundsIn(text: string): Told {
  const isLength = /\b(characters?|chars?|long|length)\b/i.test(text);
  const number = (pattern: RegExp): number | undefined => {
    const found = pattern.exec(text)?.[1];
    return found === undefined ? undefined : Number(found.replace(/[_,]/g, ''));
  };
  const from = number(/(?:between|from)?\s*(-?\d[\d_,]*(?:\.\d+)?)\s*(?:and|to|–|-|\.\.+)\s*\d/i);
  const to = number(/\d\s*(?:and|to|–|-|\.\.+)\s*(-?\d[\d_,]*)/i);
  const low =
    from ?? number(/(?:at least|minimum(?: of| is)?|min(?:imum)?:?|>=?|≥|not less than)\s*(-?\d+)/i);
  const high =
    to ?? number(/(?:at most|maximum(?: of| is)?|max(?:imum)?:?|<=?|≤|up to|no more than)\s*(\d+)/i);
  const above = number(/(?:(?:greater|more) than|above|over) (-?\d+)/i);
  if (isLength)
    return {
      ...(low === undefined ? {} : { minLength: low }),
      ...(high === undefined ? {} : { maxLength: high }),
    };
  const least = low ?? (above === undefined ? undefined : above + 1);
  if (least === undefined && high === undefined) return {};
  return {
    type: 'number',
    ...(least === undefined ? {} : { minimum: least }),
    ...(high === undefined ? {} : { maximum: high }),
  };
}

function patternIn(text: string): string | undefined {
  const literal =
    /\/(\^?(?:\\.|\[[^\]]*\]|[^/\s\\[])+\$?)\/[a-z]{0,2}(?=[\s"'`,.;)]|$)/.exec(text)?.[1] ??
    /(\^\S+\$)/.exec(text)?.[1];
  if (literal !== undefined && /[\\[{(^]/.test(literal)) return literal;
  return fromMask(text) ?? fromRanges(text) ?? fromPieces(text);
}

/** "a-z, 0-9 and -", in this order or another. */
const RANGES =
  /(?<![[\w-])(?:a-z|A-Z|0-9)(?:(?:, ?(?:and |or )?| (?:and|or) | ?)(?:a-z|A-Z|0-9|[-_](?!\w)|(?:dash|hyphen|underscore)(?:es|s)?\b))*/;

/** "3 to 40 of a-z, 0-9 and -", "only a-z and 0-9". */
function fromRanges(text: string): string | undefined {
  const list = RANGES.exec(text);
  if (!list) return undefined;
  const [ranges] = list;
  const around = text.replace(ranges, '');
  const [, low, high] = /(\d{1,3}) ?(?:to|-|–|and|\.\.+) ?(\d{1,3})/.exec(around) ?? [];
  const exact = /(\d{1,3}) (?:characters? )?(?:of|from)\b/.exec(around)?.[1];
  const times = low && high ? `{${low},${high}}` : exact ? `{${exact}}` : '+';
  const kinds = ['a-z', 'A-Z', '0-9'].filter((kind) => ranges.includes(kind));
  const rest = ranges.replace(/a-z|A-Z|0-9/g, '');
  const joints = [...(/_|underscore/.test(rest) ? ['_'] : []), ...(/-|dash|hyphen/.test(rest) ? ['-'] : [])];
  return `^[${[...kinds, ...joints].join('')}]${times}$`;
}

/** "XXXX-0000" and "AB-####". */
function fromMask(text: string): string | undefined {
  const mask = /(?<![\w-])(?=[\w#*-]*(?:X{2}|#{2}|0{3}|N{3}|9{3}|A{2}))[A-Z0-9#*_-]{3,40}(?![\w-])/.exec(
    text,
  )?.[0];
  const letters = mask?.replace(/X{2,}|N{3,}|A{2,}|[^A-Z]/g, '');
  if (mask === undefined || letters === undefined || letters.length > 4) return undefined;
  if (/^\d+$/.test(mask) && !/^(0+|9+)$/.test(mask)) return undefined;
  const parts = mask.match(/X+|#+|\*+|N+|9+|0+|A+|./g) ?? [];
  const one = (part: string): string => {
    if (/^X+$/.test(part) && part.length > 1) return `[A-Z0-9]{${part.length}}`;
    if (/^(#+|0{2,}|9{2,}|N{2,})$/.test(part)) return `\\d{${part.length}}`;
    if (/^A{2,}$/.test(part)) return `[A-Z]{${part.length}}`;
    return part.replace(/[*]/g, 'x');
  };
  return `^${parts.map(one).join('')}$`;
}

function fromPieces(text: string): string | undefined {
  const range = new RegExp(`${COUNT} ?(?:to|-|–|or) ?${COUNT}[ -]digits?`, 'i').exec(text);
  if (range) return `^\\d{${countOf(range[1])}}$`;
  const pieces = [...text.matchAll(PIECE)].map(([, count, kind = '', what = '', joint, quoted]) => {
    if (joint) return JOINTS[joint.toLowerCase()] ?? '-';
    if (quoted) return quoted.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
    const times = `{${countOf(count)}}`;
    if (/hex/i.test(kind + what)) return `[0-9a-f]${times}`;
    if (/digit|number/i.test(what)) return `\\d${times}`;
    return `${/lower|small/i.test(kind) ? '[a-z]' : '[A-Z]'}${times}`;
  });
  return pieces.some((piece) => piece.includes('{')) ? `^${pieces.join('')}$` : undefined;
}

const countOf = (word = ''): number => {
  const index = WORDS.indexOf(word.toLowerCase());
  return index === -1 ? Number(word) : index;
};

/** What a value is, and not the value itself. */
const KIND =
  /^(a|an|text|string|number|integer|empty|missing|invalid|null|undefined|object|array|list|true|false)$/i;

/** "one of a, b or c", "must be 'a' or 'b'". */
function choicesIn(text: string): string[] {
  const said =
    /\b(?:one of|either|any of|allowed(?: values)?(?: are)?)[: ]+((?:["'`]?[\w-]{1,30}["'`]?(?:\s*[|,/]\s*(?:or |and )?| or | and ))+["'`]?[\w-]{1,30}["'`]?)/i.exec(
      text,
    )?.[1] ??
    /(?:must be|:) ((?:["'`][\w-]{1,30}["'`](?:,? or |, |\/|\|))+["'`][\w-]{1,30}["'`])/i.exec(text)?.[1];
  const bare = /^\W*([A-Za-z][\w-]{0,30})(?:, ([A-Za-z][\w-]{0,30}))? or ([A-Za-z][\w-]{0,30})\W*$/.exec(
    text.trim().replace(/^\W*\w+["'`]?:\s*/, ''),
  );
  if (bare && said === undefined)
    return bare.slice(1).filter((word): word is string => word !== undefined && !KIND.test(word));
  return (said ?? '')
    .split(/\s*[|,/]\s*(?:or |and )?| or | and /)
    .map((word) => word.replace(/["'`]/g, '').trim())
    .filter((word) => word !== '');
}

/** "for example GV-1234", "like `abc`". */
const examplesIn = (text: string): string[] =>
  [
    ...text.matchAll(
      /(?:e\.g\.|for example|for instance|example:|such as|looks? like|like|form(?:at)?(?: is|:)?) +["'`(]*([\w@][\w.@:+-]{2,60}[\w])/gi,
    ),
  ]
    .map(([, example = '']) => example)
    .filter((example) => /[\d@_-]/.test(example) || /^[A-Z]{4,}$/.test(example))
    .slice(0, 4);

/** Values of the same shape: digits change, or where there are none, letters. */
export function shapeOf(example: string): string {
  const isNumbered = /\d/.test(example);
  const shape = example.replace(/\d+|[A-Z]+|[a-z]+|[^\w]/g, (part) => {
    if (/^\d/.test(part)) return `\\d{${part.length}}`;
    if (/^\W/.test(part)) return `\\${part}`;
    if (isNumbered) return part;
    return `${/^[A-Z]/.test(part) ? '[A-Z]' : '[a-z]'}{${part.length}}`;
  });
  return `^${shape}$`;
}
