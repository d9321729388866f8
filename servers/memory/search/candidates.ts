import type { DialectAdapter } from 'kysely';
import { sql } from 'kysely';
import type { Db } from '../../core/store/store.ts';
import { type Ask, bestMatches, type Counted, countWords, type Match } from './fulltext.ts';
import { type Scope, within } from './scope.ts';
import { BOUNDS } from './tuning.ts';

/** How far the number of entries may grow before words are counted anew. */
const GROWTH = 1.05;
const MOST_COUNTS = 20_000;

interface Counts {
  total: number;
  words: Map<string, number>;
  /** From which id the newest entries of a scope begin. */
  newest: Map<string, number>;
}

const kept = new WeakMap<DialectAdapter, Counts>();

/**
 * The entries that fit some words, with a bounded amount of work: every entry that has a rare word; of those that
 * have only common ones, the newest.
 */
export async function candidates(
  db: Db,
  words: readonly string[],
  { scope, weights }: Pick<Ask, 'scope' | 'weights'>,
): Promise<Match[]> {
  const { known, counted } = await counts(db, words);
  const ask = { scope, weights, total: known.total, limit: BOUNDS.candidates };
  const [rare, common] = known.total <= BOUNDS.small ? [counted, []] : divided(counted);
  if (common.length === 0) return bestMatches(db, { ...ask, any: rare });
  const since = await newestFrom(db, scope, known);
  const among = await bestMatches(db, { ...ask, any: [...rare, ...common], since });
  return merged(await bestMatches(db, { ...ask, any: rare, beside: common }), among);
}

/** The entries that have every one of these words, the best of them. */
export async function withEveryWord(
  db: Db,
  words: readonly string[],
  ask: Pick<Ask, 'scope' | 'weights'>,
): Promise<Match[]> {
  const { known, counted } = await counts(db, words);
  const { total } = known;
  if (counted.every(({ count }) => count > BOUNDS.common)) return [];
  return bestMatches(db, { ...ask, total, any: counted, every: true, limit: BOUNDS.candidates });
}

/** The rarest words that together are in few entries, and the next rarest. */
function divided(counted: readonly Counted[]): [rare: Counted[], common: Counted[]] {
  const sorted = counted.toSorted((a, b) => a.count - b.count);
  let sum = 0;
  const end = sorted.findIndex(({ count }) => {
    sum += count;
    return sum > BOUNDS.common;
  });
  return end < 0 ? [sorted, []] : [sorted.slice(0, end), sorted.slice(end, end + BOUNDS.beside)];
}

function merged(...lists: readonly Match[][]): Match[] {
  const best = new Map<number, Match>();
  for (const match of lists.flat())
    if (match.score > (best.get(match.id)?.score ?? 0)) best.set(match.id, match);
  return [...best.values()];
}

/** Counts are kept for the process: they decide how much work is done and what a word weighs, not what is found. */
async function counts(db: Db, words: readonly string[]): Promise<{ known: Counts; counted: Counted[] }> {
  const { adapter } = db.getExecutor();
  const { rows } = await sql<{ total: number | null }>`select max(id) as total from memories`.execute(db);
  const total = rows[0]?.total ?? 0;
  let known = kept.get(adapter);
  if (!known || total > known.total * GROWTH || known.words.size > MOST_COUNTS) {
    known = { total, words: new Map(), newest: new Map() };
    kept.set(adapter, known);
  }
  const { words: sizes } = known;
  const unknown = words.filter((word) => !sizes.has(word));
  if (unknown.length > 0)
    for (const { word, count } of await countWords(db, unknown, BOUNDS.count)) sizes.set(word, Number(count));
  return { known, counted: words.map((word) => ({ word, count: sizes.get(word) ?? 0 })) };
}

/** The id from which on the newest entries in scope begin. */
async function newestFrom(db: Db, scope: Scope, { newest }: Counts): Promise<number> {
  const { reader, kind, of, history } = scope;
  const key = JSON.stringify([reader?.agent, reader?.role, kind, of, history]);
  const known = newest.get(key);
  if (known !== undefined) return known;
  const { rows } = await sql<{ id: number }>`
    select memories.id from memories where ${within(scope)}
    order by memories.id desc limit 1 offset ${BOUNDS.newest}`.execute(db);
  const since = rows[0]?.id ?? 0;
  newest.set(key, since);
  return since;
}
