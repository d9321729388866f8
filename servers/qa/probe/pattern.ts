const DIGITS = '0123456789';
const LOWER = 'abcdefghijklmnopqrstuvwxyz';
const UPPER = LOWER.toUpperCase();
const CLASSES: Record<string, string> = { d: DIGITS, w: `${LOWER}${DIGITS}`, s: ' ' };
const MOST_REPEATS = 64;

/** A whole number below `sides`. */
export type Dice = (sides: number) => number;

/** Throws that belong to a word: the same word throws the same. */
export function diceOf(word: string): Dice {
  let state = 2_166_136_261;
  for (const char of word) state = Math.imul(state ^ char.charCodeAt(0), 16_777_619) >>> 0;
  return (sides) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state = (state ^ (state << 5)) >>> 0;
    return state % sides;
  };
}

/**
 * A text that the whole pattern matches, or undefined where none is found: look-arounds and back references are not
 * understood. Bounded: an open repetition is short.
 */
export function textMatching(pattern: string, dice: Dice): string | undefined {
  try {
    const { text } = alternatives(pattern, 0, dice);
    return expression(pattern).test(text) ? text : undefined;
  } catch {
    return undefined;
  }
}

/** The pattern as JavaScript reads it, in the stricter way where it can be read so. Throws a SyntaxError. */
export function expression(pattern: string): RegExp {
  try {
    return new RegExp(pattern, 'u');
  } catch {
    return new RegExp(pattern);
  }
}

interface Made {
  text: string;
  /** Where the pattern goes on. */
  at: number;
}

/** One of several branches, up to the end of the group. */
function alternatives(pattern: string, from: number, dice: Dice): Made {
  const texts: string[] = [];
  let at = from;
  for (;;) {
    const made = sequence(pattern, at, dice);
    texts.push(made.text);
    at = made.at;
    if (pattern[at] !== '|') return { text: texts[dice(texts.length)] ?? '', at };
    at += 1;
  }
}

function sequence(pattern: string, from: number, dice: Dice): Made {
  let text = '';
  let at = from;
  while (at < pattern.length && pattern[at] !== '|' && pattern[at] !== ')') {
    const start = at;
    const one = atom(pattern, start, dice);
    const { low, high, next } = repetition(pattern, one.at);
    const times = low + dice(Math.min(high, MOST_REPEATS) - Math.min(low, MOST_REPEATS) + 1);
    for (let index = 0; index < Math.min(times, MOST_REPEATS * 4); index += 1)
      text += index === 0 ? one.text : atom(pattern, start, dice).text;
    at = next;
  }
  return { text, at };
}

function atom(pattern: string, at: number, dice: Dice): Made {
  const char = pattern[at] ?? '';
  if (char === '^' || char === '$') return { text: '', at: at + 1 };
  if (char === '(') {
    const inner = /^\((?:\?(?::|<\w+>))?/.exec(pattern.slice(at))?.[0].length ?? 1;
    const made = alternatives(pattern, at + inner, dice);
    return { text: made.text, at: made.at + 1 };
  }
  if (char === '[') {
    const { chars, next } = choices(pattern, at);
    return { text: chars[dice(chars.length)] ?? '', at: next };
  }
  if (char === '.') return { text: LOWER[dice(26)] ?? 'a', at: at + 1 };
  if (char !== '\\') return { text: char, at: at + 1 };
  const chars = CLASSES[pattern[at + 1] ?? ''];
  if (chars) return { text: chars[dice(chars.length)] ?? '', at: at + 2 };
  return { text: /[bB]/.test(pattern[at + 1] ?? '') ? '' : (pattern[at + 1] ?? ''), at: at + 2 };
}

/** The characters of a class such as `[A-Z\d-]`; of one that forbids, some that it leaves. */
function choices(pattern: string, from: number): { chars: string; next: number } {
  const end = /^\[(?:\\.|[^\]\\])*\]/.exec(pattern.slice(from))?.[0].length ?? 1;
  const inner = pattern.slice(from + 1, from + end - 1);
  const parts = inner.replace(/^\^/, '').match(/\\.-\\?.|\\.|[^\\]-[^\]\\]|[^\\]/g) ?? [];
  const chars = parts.map(members).join('');
  const all = `${LOWER}${UPPER}${DIGITS}`;
  const kept = inner.startsWith('^') ? [...all].filter((one) => !chars.includes(one)).join('') : chars;
  return { chars: kept === '' ? 'a' : kept, next: from + end };
}

function members(part: string): string {
  const range = /^([^\\])-([^\\])$/.exec(part);
  if (range?.[1] && range[2]) {
    const [low, high] = [range[1].charCodeAt(0), range[2].charCodeAt(0)];
    const length = Math.max(0, Math.min(high - low + 1, 100));
    return Array.from({ length }, (_, index) => String.fromCharCode(low + index)).join('');
  }
  return part.startsWith('\\') ? (CLASSES[part[1] ?? ''] ?? part.slice(1)) : part;
}

function repetition(pattern: string, at: number): { low: number; high: number; next: number } {
  const [whole = '', sign, low, comma, high] =
    /^(?:([*+?])|\{(\d+)(,?)(\d*)\})\??/.exec(pattern.slice(at)) ?? [];
  const next = at + whole.length;
  if (whole === '') return { low: 1, high: 1, next };
  if (sign) return { low: sign === '+' ? 3 : 0, high: sign === '?' ? 1 : 8, next };
  const least = Number(low);
  const most = high ? Number(high) : comma ? least + 4 : least;
  return { low: least, high: most, next };
}
