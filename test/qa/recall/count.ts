import type { HostileCase, PlantedCase } from '../corpus/corpus.ts';
import { type Figures, figuresOf } from './figures.ts';
import type { Options } from './options.ts';
import type { PagePlaces } from './page_place.ts';
import { scored } from './play.ts';
import { type Kept, type Results, sourceDigest } from './results.ts';
import { isGood, type Scored } from './score.ts';

/** What is asked for of the corpus; `all` has the twins and defects that are not. */
export interface Entries {
  all: readonly PlantedCase[];
  cases: readonly PlantedCase[];
  hostile: readonly HostileCase[];
}

/** What is known of them: results of this build and of others. */
export interface Known {
  entries: Entries;
  options: Options;
  results: Results;
  build: string;
  pages: PagePlaces;
}

/** What the options want run: all, what was not good last time, or what has no result of this build. */
export async function due(known: Known): Promise<Pick<Entries, 'cases' | 'hostile'>> {
  const { entries, results, options, build } = known;
  if (options.again === 'all') return entries;
  const isDone = async (one: { dir: string }, last: Kept<unknown>, isGoodOne: () => Promise<boolean>) =>
    options.again === 'failed' ? isGoodOne() : !(await isStale(one, last, build));
  const cases: PlantedCase[] = [];
  for (const one of entries.cases) {
    const last = results.cases[one.id];
    if (!last || !(await isDone(one, last, async () => isGood(await scoreOf(one, last, known)))))
      cases.push(one);
  }
  const hostile: HostileCase[] = [];
  for (const one of entries.hostile) {
    const last = results.hostile[one.id];
    if (!last || !(await isDone(one, last, async () => last.ended.ok))) hostile.push(one);
  }
  return { cases, hostile };
}

/** Counts what was kept of each entry, whenever it was run; `ms` is how long this run took. */
export async function counted(known: Known, ms: number): Promise<Figures> {
  const { entries, results, options, build } = known;
  const runs = entries.cases.flatMap((one) => withLast(one, results.cases[one.id]));
  const attacks = entries.hostile.flatMap((one) => withLast(one, results.hostile[one.id]));
  const scores: Scored[] = [];
  for (const { one, last } of runs) scores.push(await scoreOf(one, last, known));
  const both: { one: { dir: string }; last: Kept<unknown> }[] = [...runs, ...attacks];
  const old = await Promise.all(both.map(({ one, last }) => isStale(one, last, build)));
  return figuresOf(
    scores,
    attacks.map(({ last }) => last.ended),
    {
      ms,
      notRun: entries.cases.length + entries.hostile.length - both.length,
      stale: old.filter((isOld) => isOld).length,
      again: both.filter(({ last }, at) => !old[at] && last.tries > 1).length,
      workers: options.workers,
    },
  );
}

const withLast = <E, T>(one: E, last: Kept<T> | undefined) => (last ? [{ one, last }] : []);

const scoreOf = (one: PlantedCase, { ended }: Results['cases'][string], { entries, pages }: Known) =>
  scored(one, ended, { all: entries.all, pages });

async function isStale(one: { dir: string }, last: Kept<unknown>, build: string): Promise<boolean> {
  return last.build !== build || last.source !== (await sourceDigest(one));
}
