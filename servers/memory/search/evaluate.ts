import { performance } from 'node:perf_hooks';
import { atMostTokens } from '../../core/memory/tokens.ts';
import type { Db } from '../../core/store/store.ts';
import { openBareSearch } from './bare.ts';
import type { Embedder } from './embeddings.ts';
import { searchWith } from './hybrid.ts';
import { findRows, idsByName } from './queries.ts';
import type { Question } from './questions.ts';
import { searchEntries } from './search.ts';
import { TITLES, titleOf } from './titles.ts';
import { TUNING, type Tuning } from './tuning.ts';

const DEPTH = 10;

/** A way to search. */
export interface Arm {
  readonly name: string;
  find(question: string, limit: number): Promise<readonly number[]>;
}

/** How an arm did: recalls as shares of 1, times in milliseconds, tokens of one answer with titles. */
export interface Figures {
  arm: string;
  recall5: number;
  recall10: number;
  mrr: number;
  p50: number;
  p99: number;
  tokens: number;
  /** Questions where a stale entry stands above every expected one. */
  stale: number;
}

export interface Evaluation {
  questions: number;
  figures: Figures[];
  /** Expected ids that no entry has: their questions can't be answered and count as missed. */
  missing: string[];
}

/** The names of two arms. */
export const OURS = 'ours';
export const WITH_EMBEDDINGS = 'ours with embeddings';

/** Our search and embeddings beside it. */
export const withEmbeddings = (embedder: Embedder, db: Db, now: number): Arm => ({
  name: WITH_EMBEDDINGS,
  find: async (question, limit) =>
    (await searchWith(embedder, db, question, {}, { now, limit })).map(({ id }) => id),
});

/** Our search without this and that. */
export const ourArms = (db: Db, now: number): Arm[] => {
  const arm = (name: string, change: Partial<Tuning>): Arm => ({
    name,
    async find(question, limit) {
      const found = await searchEntries(db, question, {}, { now, limit, tuning: { ...TUNING, ...change } });
      return found.map(({ id }) => id);
    },
  });
  return [
    arm(OURS, {}),
    arm('ours without aliases', { aliases: 0 }),
    arm('ours without neighbours', { neighbours: 0 }),
    arm('ours without related words', { related: 0 }),
  ];
};

/** Puts every question to every arm, plain bm25 first. */
export async function evaluate(
  db: Db,
  questions: readonly Question[],
  arms: readonly Arm[],
): Promise<Evaluation> {
  const names = new Set(questions.flatMap(({ expect, stale }) => [...expect, ...stale]));
  const ids = await idsByName(db, [...names]);
  const expected = questions.flatMap(({ expect }) => expect);
  const missing = [...new Set(expected)].filter((name) => !ids.has(name)).sort();
  const bare = await openBareSearch(db);
  try {
    const figures: Figures[] = [];
    for (const arm of [{ name: 'plain bm25', find: bare.find }, ...arms])
      figures.push(await figuresOf(db, questions, ids, arm));
    return { questions: questions.length, figures, missing };
  } finally {
    await bare.close();
  }
}

async function figuresOf(
  db: Db,
  questions: readonly Question[],
  ids: ReadonlyMap<string, number>,
  { name, find }: Arm,
): Promise<Figures> {
  const times: number[] = [];
  const answers: { five: number; ten: number; rank: number; tokens: number; stale: boolean }[] = [];
  for (const { question, expect, stale } of questions) {
    const since = performance.now();
    const found = await find(question, DEPTH);
    times.push(performance.now() - since);
    const rankOf = (named: string) => found.indexOf(ids.get(named) ?? -1);
    const ranks = expect.map(rankOf);
    const within = (depth: number) =>
      ranks.filter((rank) => rank >= 0 && rank < depth).length / expect.length;
    const first = Math.min(...ranks.map((rank) => (rank < 0 ? DEPTH : rank)));
    const titles = (await findRows(db, found.slice(0, TITLES))).map((row) => titleOf(row, Date.now()));
    answers.push({
      five: within(5),
      ten: within(10),
      rank: first < DEPTH ? 1 / (first + 1) : 0,
      tokens: atMostTokens(titles.join('\n')),
      stale: stale.map(rankOf).some((rank) => rank >= 0 && rank < first),
    });
  }
  const mean = (of: (answer: (typeof answers)[number]) => number) =>
    answers.reduce((sum, answer) => sum + of(answer), 0) / Math.max(1, answers.length);
  return {
    arm: name,
    recall5: mean(({ five }) => five),
    recall10: mean(({ ten }) => ten),
    mrr: mean(({ rank }) => rank),
    p50: percentile(times, 0.5),
    p99: percentile(times, 0.99),
    tokens: Math.round(mean(({ tokens }) => tokens)),
    stale: answers.filter(({ stale }) => stale).length,
  };
}

/** The value that this share of the values does not exceed; NaN for none. */
export const percentile = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ??
  Number.NaN;
