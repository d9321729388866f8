import { createHash } from 'node:crypto';
import { parseArgs } from 'node:util';
import { CLASSES, type PlantedCase } from '../corpus/corpus.ts';

const KINDS = ['page', 'worker', 'node', 'project', 'hostile'] as const;

export const HELP = `Usage: npm run test:qa -- [--kind KIND]... [--class CLASS]... [--case ID]... [--sample N] [--seed S]
                           [--workers N] [--seconds N] [--json] [--out FILE]

Tests each case of test/qa/corpus as a stranger would, with the real \`millwright qa FOLDER --json\`, and counts what
it finds: planted defects found, false alarms on sound twins, hostile projects that did no harm.

  --kind KIND    only these: ${KINDS.join(', ')}; may be repeated
  --class CLASS  only defects of these classes, and their twins; may be repeated
  --case ID      only these cases; may be repeated
  --sample N     only N of them, drawn by the seed
  --seed S       of the draw (today's date)
  --workers N    cases at once (1): pages and suites only; products are timed, so they run alone, and so do hostile projects
  --seconds N    the longest that one case may take (600)
  --json         print the figures instead of the tables
  --out FILE     also write the figures there, as JSON

Exit codes: 0 at least 90 % found, no false alarm, nothing untested and no harm; 1 otherwise; 2 the command line is
wrong; 130 interrupted.`;

export interface Options {
  kinds: readonly string[];
  classes: readonly string[];
  ids: readonly string[];
  sample: number | undefined;
  seed: string;
  workers: number;
  seconds: number;
  json: boolean;
  out: string | undefined;
}

/** What the command line asks for, or what is wrong with it. */
export function optionsOf(args: readonly string[]): Options | string {
  const many = { type: 'string', multiple: true, default: [] as string[] } as const;
  const flags = {
    kind: many,
    class: many,
    case: many,
    sample: { type: 'string' },
    seed: { type: 'string', default: new Date().toISOString().slice(0, 10) },
    workers: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '600' },
    json: { type: 'boolean', default: false },
    out: { type: 'string' },
  } as const;
  const given = parsed(() => parseArgs({ args: [...args], options: flags }).values);
  if (typeof given === 'string') return given;
  const { kind: kinds, class: classes, case: ids, seed, json, out } = given;
  const sample = given.sample === undefined ? undefined : Number(given.sample);
  const workers = Number(given.workers);
  const seconds = Number(given.seconds);
  if (![workers, seconds, sample ?? 1].every((value) => Number.isSafeInteger(value) && value > 0))
    return 'Workers, seconds and the size of a sample are whole numbers above 0.';
  const strangeKind = kinds.find((kind) => !KINDS.some((known) => known === kind));
  if (strangeKind !== undefined) return `There is no kind "${strangeKind}": ${KINDS.join(', ')}.`;
  const strangeClass = classes.find(
    (name) =>
      !Object.values(CLASSES)
        .flat()
        .some((known) => known === name),
  );
  if (strangeClass !== undefined)
    return `There is no class "${strangeClass}"; docs/qa-classes.md lists them.`;
  return { kinds, classes, ids, sample, seed, workers, seconds, json, out };
}

function parsed<T>(parse: () => T): T | string {
  try {
    return parse();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

type Choice = Pick<Options, 'kinds' | 'classes' | 'ids' | 'sample' | 'seed'>;

/** The cases that are asked for: a class takes its defects and their twins; a sample is the same for the same seed. */
export function chosen<
  T extends Pick<PlantedCase, 'id' | 'expect'> & { kind: string; twin?: string | undefined },
>(all: readonly T[], { kinds, classes, ids, sample, seed }: Choice): T[] {
  const plants = ({ expect }: T) => expect.some((finding) => classes.includes(finding.class));
  const ofClass = new Set(all.filter(plants).map(({ id }) => id));
  const fits = (one: T) =>
    (kinds.length === 0 || kinds.includes(one.kind)) &&
    (ids.length === 0 || ids.includes(one.id)) &&
    (classes.length === 0 || ofClass.has(one.id) || ofClass.has(one.twin ?? ''));
  const fitting = all.filter(fits);
  if (sample === undefined) return fitting;
  const rank = ({ id }: T) => createHash('sha256').update(`${seed} ${id}`).digest('hex');
  const drawn = new Set(fitting.toSorted((a, b) => (rank(a) < rank(b) ? -1 : 1)).slice(0, sample));
  return fitting.filter((one) => drawn.has(one));
}
