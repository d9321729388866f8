import type { HostileCase, PlantedCase } from '../corpus/corpus.ts';
import { counted, due, type Entries, type Known } from './count.ts';
import type { Figures } from './figures.ts';
import { type HostileScore, playHostile } from './hostile.ts';
import type { Options } from './options.ts';
import { hostileOutcomeOf, outcomeOf } from './outcome.ts';
import { pagePlaces } from './page_place.ts';
import { play, scored } from './play.ts';
import { buildDigest, kept, readResults, sourceDigest, writeResults } from './results.ts';
import type { Scored } from './score.ts';
import { inTurns, isAlone } from './turns.ts';

/** A sound project with a quick suite; it is tested beside those that attack. */
const NEIGHBOUR = 'slug-kit-green';

interface Context {
  signal: AbortSignal;
  /** For the person who waits. */
  tell: (line: string) => void;
}

interface Running extends Known, Context {
  /** One after the other, so that the last state is what stays. */
  save: () => Promise<void>;
}

/**
 * Runs what the options ask for of these entries, keeps what each ended with, and counts them all, also those that
 * were run before. An interrupt ends it; what was kept until then is counted.
 */
export async function runEntries(entries: Entries, options: Options, context: Context): Promise<Figures> {
  const begun = performance.now();
  const [results, build] = await Promise.all([readResults(options.results), buildDigest()]);
  const pages = pagePlaces();
  let saved = Promise.resolve();
  const save = () => {
    saved = saved.then(() => writeResults(options.results, results));
    return saved;
  };
  const running: Running = { ...context, entries, options, results, build, pages, save };
  try {
    await runDue(running, begun + options.minutes * 60_000).catch((error) => {
      if (!context.signal.aborted) throw error;
    });
    return await counted(running, performance.now() - begun);
  } finally {
    await pages.close();
  }
}

/** What others do not disturb first, as many at once as are allowed; then what is timed; hostile projects last. */
async function runDue(running: Running, deadline: number): Promise<void> {
  const { cases, hostile } = await due(running);
  const { entries, options, tell } = running;
  const total = cases.length + hostile.length;
  let done = 0;
  const one = async (planted: PlantedCase) => {
    const outcome = await runCase(planted, running);
    tell(`${++done}/${total} ${outcomeOf(outcome)}`);
  };
  const alone = cases.filter((planted) => isAlone(planted, entries.all));
  const beside = cases.filter((planted) => !alone.includes(planted));
  await inTurns(beside, { width: options.workers, deadline }, one);
  await inTurns(alone, { width: 1, deadline }, one);
  await inTurns(hostile, { width: 1, deadline }, async (project) => {
    const outcome = await runHostile(project, running);
    tell(`${++done}/${total} ${hostileOutcomeOf(outcome)}`);
  });
}

async function runCase(planted: PlantedCase, running: Running): Promise<Scored> {
  const { options, signal, results, build, entries, pages } = running;
  const { output: _, ...ended } = await play(planted, { seconds: options.seconds, signal });
  const now = { build, source: await sourceDigest(planted), ended };
  results.cases[planted.id] = kept(results.cases[planted.id], now);
  await running.save();
  return scored(planted, ended, { all: entries.all, pages });
}

async function runHostile(project: HostileCase, running: Running): Promise<HostileScore> {
  const { options, signal, results, build, entries } = running;
  const neighbour = entries.all.find(({ id }) => id === NEIGHBOUR);
  if (!neighbour) throw new Error(`The corpus has no ${NEIGHBOUR}.`);
  const ended = await playHostile(project, { neighbour, seconds: options.seconds, signal });
  const now = { build, source: await sourceDigest(project), ended };
  results.hostile[project.id] = kept(results.hostile[project.id], now);
  await running.save();
  return ended;
}
