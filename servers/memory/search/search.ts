import type { Db } from '../../core/store/store.ts';
import { candidates, withEveryWord } from './candidates.ts';
import { reachedFrom } from './graph.ts';
import type { Scope } from './scope.ts';
import { TUNING, type Tuning } from './tuning.ts';
import { wordsOf } from './words.ts';

const DAY = 86_400_000;
/** The best entries from which links are followed. */
const MOST_SEEDS = 8;

export interface Found {
  readonly id: number;
  readonly score: number;
}

/**
 * The entries that answer a question best, the best first: by its words and related ones, in text, aliases, tags
 * and neighbours; lifted when they have every word, are new, or are linked with others that were found.
 *
 * @param now milliseconds since 1970
 */
export async function searchEntries(
  db: Db,
  question: string,
  scope: Scope,
  { now, limit, tuning = TUNING }: { now: number; limit: number; tuning?: Tuning },
): Promise<Found[]> {
  const { own, related } = wordsOf(question);
  const ask = { scope, weights: tuning };
  const scores = new Map<number, number>();
  const add = (id: number, score: number) => scores.set(id, (scores.get(id) ?? 0) + score);
  const fresh = (at: number) =>
    1 + tuning.recency * 0.5 ** (Math.max(0, now - at) / DAY / tuning.halfLifeDays);

  for (const { id, score, recorded_at } of await candidates(db, own, ask))
    add(id, score * fresh(recorded_at));
  if (tuning.related > 0)
    for (const { id, score, recorded_at } of await candidates(db, related, ask))
      add(id, tuning.related * score * fresh(recorded_at));
  if (own.length > 1)
    for (const { id, score } of await withEveryWord(db, own, ask)) add(id, tuning.everyWord * score);

  const found = sorted(scores);
  const best = found[0]?.score ?? 0;
  const seeds = found.slice(0, MOST_SEEDS).map(({ id, score }) => ({ id, weight: score / best }));
  for (const { id, weight } of await reachedFrom(db, seeds, scope, tuning.decay))
    add(id, tuning.graph * best * weight);
  return sorted(scores).slice(0, limit);
}

const sorted = (scores: ReadonlyMap<number, number>): Found[] =>
  [...scores].map(([id, score]) => ({ id, score })).sort((a, b) => b.score - a.score || b.id - a.id);
