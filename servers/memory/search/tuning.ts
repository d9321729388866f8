/** How much the columns of an entry count, and what else moves it. Found on one half of the evaluation set. */
export interface Tuning {
  /** What a word counts in each column. */
  readonly text: number;
  readonly aliases: number;
  readonly tags: number;
  readonly neighbours: number;
  /** What a related word counts beside one of the question's own. */
  readonly related: number;
  /** Added, as a share, to an entry that has every word of the question. */
  readonly everyWord: number;
  /** Added, as a share, to an entry of this moment; half of it to one that is `halfLifeDays` old. */
  readonly recency: number;
  readonly halfLifeDays: number;
  /** What is left of an entry's weight with each step along the things it speaks of. */
  readonly decay: number;
  /** How much an entry gets from the best one that a step leads to it from. */
  readonly graph: number;
}

/** See "How it was tuned" in test/memory/eval/README.md before you change one of these. */
export const TUNING: Tuning = {
  text: 1,
  aliases: 0.8,
  tags: 0.5,
  neighbours: 0.15,
  related: 0.7,
  everyWord: 0.5,
  recency: 0.3,
  halfLifeDays: 30,
  decay: 0.5,
  graph: 0.5,
};

/** Bounds on the work of one search, so that it stays quick among 100,000 entries. */
export const BOUNDS = {
  /** In a store of so few entries none of what follows is needed. */
  small: 2_000,
  /** Entries that the rare words of a question may have together: they are all looked at. */
  common: 600,
  /** Of entries that have only common words, the newest are looked at; so many in scope. */
  newest: 600,
  /** Common words that are looked at. */
  beside: 2,
  /** How far the entries of a word are counted. */
  count: 30_000,
  /** Entries that the two rankings of a question are made of. */
  candidates: 100,
} as const;
