import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { EXIT } from '../../cli/failures.ts';
import { LISTS, listed, nameOf, POINTS, type Point, unlisted } from './points.ts';
import { isOf, type ListFigures, noFigures, noteFigures, readFigures, restOf } from './points_figures.ts';
import { differences, runOperation } from './points_run.ts';
import { type Stage, setStage } from './points_stage.ts';
import { pick, seeded } from './random.ts';

const HELP = `Usage: npm run test:faults -- --points [--sample N] [--seed N] [--operation NAME]... [--kind NAME]...
                               [--out FILE [--rest]] [--trace]

Kills one process at each step of each operation (SIGKILL), has its agent go on as its brief says, and holds what
the factory holds then against what it holds when nothing died.

  --sample N        only so many points, chosen by the seed; without it all ${POINTS.length}
  --seed N          of the choice (1)
  --operation NAME  ${[...new Set(LISTS.map(({ operation }) => operation))].join(' ')}
  --kind NAME       stdio daemon cli runtime
  --out FILE        also write the figures there, as JSON, after each point; what FILE says of other operations stays
  --rest            only the points that FILE does not say have held: goes on with a run that was broken off
  --trace           kill nothing; print the steps of each operation as points.ts must list them

Exit codes: 0 all held, 1 a point did not, 2 the command line is wrong, 130 interrupted.`;

/** `npm run test:faults -- --points`: kills at every point of the list; gives the exit code. */
export async function killAtPoints(args: readonly string[]): Promise<number> {
  const flags = {
    sample: { type: 'string' },
    seed: { type: 'string', default: '1' },
    operation: { type: 'string', multiple: true },
    kind: { type: 'string', multiple: true },
    out: { type: 'string' },
    rest: { type: 'boolean', default: false },
    trace: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  } as const;
  const { values: given } = parseArgs({ args: [...args], options: flags });
  if (given.help) {
    process.stdout.write(`${HELP}\n`);
    return EXIT.ok;
  }
  if ((given.rest && given.out === undefined) || (given.out && (given.sample || given.trace))) {
    process.stderr.write(`--rest needs --out; --out takes neither --sample nor --trace.\n\n${HELP}\n`);
    return EXIT.usage;
  }
  const known = given.rest && given.out !== undefined ? await readFigures(given.out) : [];
  const wanted = LISTS.filter(
    ({ operation, kind }) =>
      (given.operation?.includes(operation) ?? true) && (given.kind?.includes(kind) ?? true),
  );
  const figuresOf = (list: (typeof LISTS)[number]) => known.find(isOf(list)) ?? noFigures(list);
  const all = wanted.flatMap((list) => restOf(figuresOf(list)));
  const points = given.sample === undefined ? all : sample(all, Number(given.sample), Number(given.seed));
  const lists = wanted.filter((list) => given.trace || points.some(isOf(list)));
  const made: ListFigures[] = [];
  const folder = await mkdtemp(join(tmpdir(), 'mw-points-'));
  const isOver = interrupted();
  try {
    const stage = await setStage(folder);
    for (const list of lists) {
      const own = given.trace ? [] : points.filter(isOf(list));
      const figures = figuresOf(list);
      made.push(figures);
      const note = async () => given.out !== undefined && noteFigures(given.out, figures);
      await runList(stage, list, own, { figures, tracing: given.trace, isOver, note });
      if (isOver()) return EXIT.interrupted;
    }
    await stage.close();
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
  const faults = made.reduce((total, { failed }) => total + failed.length, 0);
  const seconds = made.reduce((total, one) => total + one.seconds, 0);
  process.stdout.write(
    `\n${points.length} of ${POINTS.length} points in ${Math.round(seconds)} s: ${faults} faults\n`,
  );
  return faults === 0 ? EXIT.ok : EXIT.failed;
}

interface Progress {
  figures: ListFigures;
  tracing: boolean;
  isOver(): boolean;
  note(): Promise<unknown>;
}

/** One operation in one kind of process: undisturbed first, then dying at each of these points. */
async function runList(
  stage: Stage,
  { operation, kind, steps }: (typeof LISTS)[number],
  points: readonly Point[],
  { figures, tracing, isOver, note }: Progress,
): Promise<void> {
  let since = performance.now();
  const whole = await runOperation(stage, { operation, kind });
  if (tracing) process.stdout.write(`${operation} ${kind} ${JSON.stringify(listed(whole.steps))}\n`);
  const faults = unlisted(whole.steps, steps);
  if (faults.length > 0)
    process.stdout.write(`${operation} (${kind}): the list is wrong:\n  ${faults.join('\n  ')}\n`);
  figures.failed = faults;
  figures.left = points.map(nameOf);
  for (const point of points) {
    if (isOver()) break;
    const wrong = await runOperation(stage, point).then(
      (outcome) => differences(whole, outcome),
      (error: Error) => [error.stack ?? error.message],
    );
    if (wrong.length > 0) figures.failed.push(nameOf(point));
    else figures.held++;
    figures.left = figures.left.filter((name) => name !== nameOf(point));
    const ms = Math.round(performance.now() - since);
    figures.seconds += ms / 1000;
    since = performance.now();
    await note();
    process.stdout.write(`${wrong.length === 0 ? 'ok  ' : 'FAIL'} ${nameOf(point)} (${ms} ms)\n`);
    for (const line of wrong) process.stdout.write(`       ${line}\n`);
  }
}

/** `count` of these, each at most once, in their order. */
function sample(points: readonly Point[], count: number, seed: number): Point[] {
  const random = seeded(seed);
  const chosen = new Set<Point>();
  while (chosen.size < Math.min(count, points.length)) chosen.add(pick(random, points));
  return points.filter((point) => chosen.has(point));
}

function interrupted(): () => boolean {
  let over = false;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => (over = true));
  return () => over;
}
