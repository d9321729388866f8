import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { EXIT } from '../../../cli/failures.ts';
import { cases, hostileProjects, type PlantedCase } from '../corpus/corpus.ts';
import { figuresOf } from './figures.ts';
import { type HostileScore, playHostile } from './hostile.ts';
import { chosen, HELP, type Options, optionsOf } from './options.ts';
import { pagePlaces } from './page_place.ts';
import { play } from './play.ts';
import type { Scored } from './score.ts';
import { tableOf } from './table.ts';

/** A sound project with a quick suite; it is tested beside those that attack. */
const NEIGHBOUR = 'slug-kit-green';

const tell = (line: string) => process.stderr.write(`${line}\n`);

async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--help')) {
    process.stdout.write(`${HELP}\n`);
    return EXIT.ok;
  }
  const options = optionsOf(args);
  if (typeof options === 'string') {
    tell(`${options}\n\n${HELP}`);
    return EXIT.usage;
  }
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => interrupted.abort(new Error('interrupted')));
  const begun = performance.now();
  const scored: Scored[] = [];
  const hostile: HostileScore[] = [];
  try {
    await playAll(options, interrupted.signal, scored, hostile);
  } catch (error) {
    if (!interrupted.signal.aborted) throw error;
    tell('Interrupted; nothing is left running. What was counted so far:');
  }
  const figures = figuresOf(scored, hostile, performance.now() - begun);
  process.stdout.write(options.json ? `${JSON.stringify(figures, null, 2)}\n` : tableOf(figures));
  if (interrupted.signal.aborted) return EXIT.interrupted;
  if (options.out) {
    await mkdir(dirname(resolve(options.out)), { recursive: true });
    await writeFile(options.out, `${JSON.stringify(figures, null, 2)}\n`);
  }
  return figures.ok ? EXIT.ok : EXIT.failed;
}

/** Pages and suites first, as many at once as are allowed; then what is timed, each alone; hostile projects last. */
async function playAll(
  options: Options,
  signal: AbortSignal,
  scored: Scored[],
  hostile: HostileScore[],
): Promise<void> {
  const { seconds } = options;
  const all = await cases();
  const projects = (await hostileProjects()).map((one) => ({
    ...one,
    kind: 'hostile',
    expect: [one.expect],
  }));
  const selected = chosen([...all, ...projects], options);
  const ids = new Set(selected.map(({ id }) => id));
  const pages = pagePlaces();
  const one = async (planted: PlantedCase) => {
    const result = await play(planted, all, { pages, seconds, signal });
    scored.push(result);
    tell(`${scored.length}/${selected.length} ${outcomeOf(result)}`);
  };
  try {
    const run = all.filter(({ id }) => ids.has(id));
    const timed = run.filter(({ kind }) => kind === 'worker' || kind === 'node');
    await inTurns(
      run.filter((planted) => !timed.includes(planted)),
      options.workers,
      one,
    );
    await inTurns(timed, 1, one);
  } finally {
    await pages.close();
  }
  const neighbour = all.find(({ id }) => id === NEIGHBOUR);
  if (!neighbour) throw new Error(`The corpus has no ${NEIGHBOUR}.`);
  for (const project of await hostileProjects()) {
    if (!ids.has(project.id)) continue;
    const result = await playHostile(project, { neighbour, seconds, signal });
    hostile.push(result);
    tell(
      `${result.ok ? 'held ' : 'HARM?'} ${result.id}: ${result.verdict}, ${result.reason}; ${result.harm.join('; ')}`,
    );
  }
}

async function inTurns<T>(list: readonly T[], width: number, run: (one: T) => Promise<void>): Promise<void> {
  const waiting = [...list];
  const lane = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await run(next);
  };
  await Promise.all(Array.from({ length: width }, lane));
}

function outcomeOf({ id, sound, hits, missed, alarms, low, untested, ms }: Scored): string {
  const seconds = `${Math.round(ms / 1_000)} s`;
  const places = (list: readonly { class: string; where: string }[]) =>
    list.map(({ class: name, where }) => `${name} at ${where}`).join('; ');
  if (untested !== undefined) return `UNTESTED ${id}, ${seconds}: ${untested}`;
  if (sound)
    return `${alarms.length === 0 ? 'clean' : 'ALARM'} ${id}, ${seconds}: ${places(alarms)} (${low.length} low)`;
  return `${missed.length === 0 ? 'found' : 'MISSED'} ${id}, ${seconds}: ${places(missed.length === 0 ? hits : missed)}`;
}

process.exitCode = await main(process.argv.slice(2));
