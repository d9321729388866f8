import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import type { Services } from '../../core/services.ts';
import type { Db, Store } from '../../core/store/store.ts';
import { type Embedder, EmbeddingsFault, embedderOf } from './embeddings.ts';
import type { Scope } from './scope.ts';
import { type Found, searchEntries } from './search.ts';
import { embedMissing, nearest } from './vectors.ts';

/** Entries without a vector that one search gives one to; the newest first. */
const MOST_EMBEDDED = 32;
const AT_ONCE = 512;
const DEPTH = 50;
/** Reciprocal rank fusion: Cormack, Clarke and Büttcher, SIGIR 2009. */
const RRF = 60;
/** How long an endpoint that failed is let alone. */
const PAUSE_MS = 60_000;

export const NO_GAIN =
  'Embeddings are configured, but `millwright memory eval FILE --embeddings` has shown no gain on this store: full text only.';

/** What `memory eval` measured on a factory's store. */
const measuredSchema = z.object({
  url: z.string(),
  model: z.string(),
  questions: z.number(),
  without: z.number(),
  with: z.number(),
});
export type Measured = z.output<typeof measuredSchema>;

const LEAST_QUESTIONS = 20;
const LEAST_GAIN = 0.02;

/** Whether a measurement is a gain: at least two points of recall@5 over at least twenty questions. */
export const isGain = (measured: Measured): boolean =>
  measured.questions >= LEAST_QUESTIONS && measured.with - measured.without >= LEAST_GAIN;

const measuredFile = (home: string) => join(home, 'embeddings.json');

/** Notes what was measured: from then on it decides whether searches use embeddings. */
export const saveMeasured = (home: string, measured: Measured): Promise<void> =>
  writeFile(measuredFile(home), `${JSON.stringify(measured, null, 2)}\n`, { mode: 0o600 });

async function hasGain(home: string, { url, model }: Embedder): Promise<boolean> {
  const text = await readFile(measuredFile(home), 'utf8').catch(() => '{}');
  const { data } = measuredSchema.safeParse(json(text));
  return data !== undefined && data.url === url && data.model === model && isGain(data);
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export interface Answer {
  readonly found: readonly Found[];
  /** Why embeddings that are configured were not used. */
  readonly note?: string;
}

let paused = { until: 0, note: '' };

/** Full text, and embeddings beside it where they are configured, have shown a gain, and answer in time. */
export async function search(
  { store, paths }: Pick<Services, 'store' | 'paths'>,
  question: string,
  scope: Scope,
  { now, limit }: { now: number; limit: number },
): Promise<Answer> {
  const plain = async (note?: string): Promise<Answer> => {
    const found = await searchEntries(store.db, question, scope, { now, limit });
    return note === undefined ? { found } : { found, note };
  };
  if (performance.now() < paused.until) return plain(paused.note);
  try {
    const embedder = embedderOf(process.env);
    if (!embedder) return await plain();
    if (!(await hasGain(paths.home, embedder))) return await plain(NO_GAIN);
    await embedMissing(store, embedder, MOST_EMBEDDED);
    return { found: await searchWith(embedder, store.db, question, scope, { now, limit }) };
  } catch (error) {
    if (!(error instanceof EmbeddingsFault)) throw error;
    paused = { until: performance.now() + PAUSE_MS, note: `${error.message} Full text only.` };
    return plain(paused.note);
  }
}

/** Full text and nearness by embeddings, each entry by its two ranks. Throws `EmbeddingsFault`. */
export async function searchWith(
  embedder: Embedder,
  db: Db,
  question: string,
  scope: Scope,
  { now, limit }: { now: number; limit: number },
): Promise<Found[]> {
  const [place] = await embedder.embed([question]);
  if (!place) throw new EmbeddingsFault('The embeddings endpoint gave no vectors.');
  const byWords = await searchEntries(db, question, scope, { now, limit: DEPTH });
  const byPlace = await nearest(db, embedder, place, scope, DEPTH);
  const scores = new Map<number, number>();
  for (const ranking of [byWords, byPlace])
    ranking.forEach(({ id }, rank) => {
      scores.set(id, (scores.get(id) ?? 0) + 1 / (RRF + rank + 1));
    });
  return [...scores]
    .map(([id, score]) => ({ id, score }))
    .sort((a, b) => b.score - a.score || b.id - a.id)
    .slice(0, limit);
}

/** Gives every live entry that is not private its vector. */
export async function embedAll(
  store: Store,
  embedder: Embedder,
  progress?: (line: string) => void,
): Promise<void> {
  for (let done = 0; ; ) {
    const some = await embedMissing(store, embedder, AT_ONCE);
    if (some === 0) return;
    done += some;
    progress?.(`${done} entries embedded`);
  }
}
