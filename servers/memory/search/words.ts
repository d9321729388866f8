import { relatedTo } from './thesaurus.ts';

/** Longer questions are cut: what a pasted log says after these words changes no ranking. */
const MOST_WORDS = 24;
const MOST_RELATED = 120;
const LONGEST_QUESTION = 2_000;
const LONGEST_WORD = 60;

const STOP_WORDS = new Set(
  `a about after again all also am an and another any anybody anyone anything are as at be because been before being
  both but by can could d did do does doing don done each either else ever every everybody everyone everything few
  for from get gets getting got had has have having he her here him his how i if in into is it its itself just ll m
  made make makes making many may me might more much must my no nobody nor not nothing now o of off on once one only
  onto or other our out over own re s same shall she should so some somebody someone something such t than that the
  their them then there these they this those through till to too under until up upon us ve very was we were what
  when where whether which while who whom whose why will with without would you your`.split(/\s+/),
);

/** What a question asks for: its own words, and others that may stand for them. Letters and digits, nothing else. */
export interface Words {
  readonly own: readonly string[];
  readonly related: readonly string[];
}

/**
 * Takes a question apart, whatever it says: what comes out has no meaning to any query language. A question of
 * nothing but stop words keeps them.
 */
export function wordsOf(question: string): Words {
  const all = tokensOf(question);
  const telling = all.filter((word) => !STOP_WORDS.has(word));
  const own = (telling.length > 0 ? telling : all).slice(0, MOST_WORDS);
  const related = new Set(telling.flatMap(relatedTo));
  for (const word of own) related.delete(word);
  return { own, related: [...related].slice(0, MOST_RELATED) };
}

/**
 * The different words of a text in small letters, in order; one with accents also without them, since SQLite's
 * index has none and PostgreSQL's has them.
 */
export function tokensOf(text: string): string[] {
  const plain = text.slice(0, LONGEST_QUESTION).toLowerCase().normalize('NFC');
  const words = plain.match(/[\p{L}\p{N}]+/gu) ?? [];
  return [
    ...new Set(words.flatMap((word) => [word, unaccented(word)]).map((word) => word.slice(0, LONGEST_WORD))),
  ];
}

const unaccented = (word: string) => word.normalize('NFD').replace(/\p{M}/gu, '').normalize('NFC');
