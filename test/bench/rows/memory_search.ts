import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { countTokens } from 'gpt-tokenizer/encoding/o200k_base';
import { NOTES } from '../../../servers/core/memory/said.ts';
import { type Db, openStore, type Store } from '../../../servers/core/store/store.ts';
import { openBareSearch } from '../../../servers/memory/search/bare.ts';
import { percentile } from '../../../servers/memory/search/evaluate.ts';
import { importEntries } from '../../../servers/memory/search/import.ts';
import { findRows, newestAt } from '../../../servers/memory/search/queries.ts';
import { searchEntries } from '../../../servers/memory/search/search.ts';
import { TITLES, titleOf } from '../../../servers/memory/search/titles.ts';
import { questions, writeCorpus } from '../memory_corpus.ts';
import { median, ROUNDS, type Row, rounded, type Surroundings } from '../row.ts';

const ENTRIES = 100_000;
const P50_MS = 10;
const P99_MS = 50;

type Find = (question: string) => Promise<unknown>;

/** How long a search among 100,000 entries takes, by the questions of the evaluation set, beside plain bm25. */
export async function memorySearch({ folder, signal, progress }: Surroundings): Promise<Row> {
  const file = join(folder, 'entries.jsonl');
  await writeCorpus(file, ENTRIES);
  const store = await openStore(join(folder, 'memory.sqlite'));
  try {
    const since = performance.now();
    await importEntries(store, file, { roleOf: () => undefined });
    progress(`memory search: ${ENTRIES} entries imported in ${seconds(since)} s`);
    return await timed(store, signal, progress);
  } finally {
    await store.close();
  }
}

async function timed({ db }: Store, signal: AbortSignal, progress: Surroundings['progress']): Promise<Row> {
  const asked = await questions();
  const now = await newestAt(db);
  const bare = await openBareSearch(db);
  try {
    const arms: Record<'ours' | 'bare', Find> = {
      ours: (question) => searchEntries(db, question, {}, { now, limit: TITLES }),
      bare: (question) => bare.find(question, TITLES),
    };
    const rounds = [];
    for (let round = 0; round <= ROUNDS; round++) {
      const ours = await times(asked, arms.ours, signal);
      const plain = await times(asked, arms.bare, signal);
      if (round === 0) continue;
      rounds.push({ p50: percentile(ours, 0.5), p99: percentile(ours, 0.99), bare: percentile(plain, 0.5) });
      const { p50, p99 } = rounds.at(-1) as (typeof rounds)[number];
      progress(`memory search ${round}/${ROUNDS}: p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms`);
    }
    const [p50, p99, echo] = [
      median(rounds.map((one) => one.p50)),
      median(rounds.map((one) => one.p99)),
      median(rounds.map((one) => one.bare)),
    ];
    const tokens = await tokensOfOne(db, asked, now);
    return {
      name: `memory search, ${ENTRIES} entries, p50 (p99 ${rounded(p99)} ms, ${tokens} tokens a search)`,
      value: rounded(p50),
      unit: 'ms',
      echo: rounded(echo),
      ratio: rounded(p50 / echo),
      bar: `p50 ≤ ${P50_MS} ms, p99 ≤ ${P99_MS} ms`,
      pass: p50 <= P50_MS && p99 <= P99_MS,
    };
  } finally {
    await bare.close();
  }
}

async function times(asked: readonly string[], find: Find, signal: AbortSignal): Promise<number[]> {
  const all: number[] = [];
  for (const question of asked) {
    signal.throwIfAborted();
    const since = performance.now();
    await find(question);
    all.push(performance.now() - since);
  }
  return all;
}

/** What a search costs its agent: the answer of `memory_search` to a query, on average over the questions. */
async function tokensOfOne(db: Db, asked: readonly string[], now: number): Promise<number> {
  let sum = 0;
  for (const question of asked) {
    const found = await searchEntries(db, question, {}, { now, limit: TITLES });
    const rows = await findRows(
      db,
      found.map(({ id }) => id),
    );
    sum += countTokens(JSON.stringify({ notes: NOTES, entries: rows.map((row) => titleOf(row, now)) }));
  }
  return Math.round(sum / asked.length);
}

const seconds = (since: number) => ((performance.now() - since) / 1000).toFixed(1);
