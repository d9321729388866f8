import { createHash } from 'node:crypto';
import { parseArgs } from 'node:util';
import { CLASSES, type PlantedCase } from '../corpus/corpus.ts';
import { RESULTS } from './results.ts';

const KINDS: readonly string[] = ['page', 'worker', 'node', 'project', 'hostile'];
const CLASS_NAMES: readonly string[] = Object.values(CLASSES).flat();

export const HELP = `Usage: npm run test:qa -- [--only KIND|CLASS|ID]... [--failed | --resume] [--sample N] [--seed S]
                           [--workers N] [--seconds N] [--minutes N] [--results FILE] [--json] [--out FILE]

Tests each entry of test/qa/corpus as a stranger would, with the real \`millwright qa FOLDER --json\`, and counts what
it finds: planted defects found, false alarms on sound twins, hostile projects that did no harm. What each entry ended
with is kept at once. A run of the whole corpus on one build writes docs/figures/qa_recall.md.

  --only WORD    only these: a kind (${KINDS.join(', ')}), a class (its defects and
                 their twins), or an entry; may be repeated: words of one sort add up, of several sorts narrow down
  --failed       run only what missed, alarmed or was untested last time, and count the rest as it was
  --resume       run only what has no result of this build yet
  --sample N     only N of them, drawn by the seed
  --seed S       of the draw (today's date)
  --workers N    entries at once (1); what is about time runs alone, and so do hostile projects
  --seconds N    the longest that one entry may take (180)
  --minutes N    begin no entry after that (45)
  --results FILE where what each entry ended with is kept (in node_modules/.cache)
  --json         print the figures instead of the tables
  --out FILE     also write the figures there, as JSON

Exit codes: 0 at least 90 % found, no false alarm, nothing untested or left out and no harm; 1 otherwise; 2 the
command line is wrong; 130 interrupted.`;

export interface Options {
  kinds: readonly string[];
  classes: readonly string[];
  ids: readonly string[];
  again: 'all' | 'failed' | 'new';
  sample: number | undefined;
  seed: string;
  workers: number;
  seconds: number;
  minutes: number;
  results: string;
  json: boolean;
  out: string | undefined;
}

/** What the command line asks for of the entries with these ids, or what is wrong with it. */
export function optionsOf(args: readonly string[], known: readonly string[]): Options | string {
  const flags = {
    only: { type: 'string', multiple: true, default: [] as string[] },
    failed: { type: 'boolean', default: false },
    resume: { type: 'boolean', default: false },
    sample: { type: 'string' },
    seed: { type: 'string', default: new Date().toISOString().slice(0, 10) },
    workers: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '180' },
    minutes: { type: 'string', default: '45' },
    results: { type: 'string', default: RESULTS },
    json: { type: 'boolean', default: false },
    out: { type: 'string' },
  } as const;
  const given = parsed(() => parseArgs({ args: [...args], options: flags }).values);
  if (typeof given === 'string') return given;
  const { only, failed, resume, seed, results, json, out } = given;
  const sample = given.sample === undefined ? undefined : Number(given.sample);
  const [workers, seconds, minutes] = [given.workers, given.seconds, given.minutes].map(Number) as [
    number,
    number,
    number,
  ];
  if (![workers, seconds, minutes, sample ?? 1].every((value) => Number.isSafeInteger(value) && value > 0))
    return 'Workers, seconds, minutes and the size of a sample are whole numbers above 0.';
  if (failed && resume) return 'Either --failed or --resume.';
  const strange = only.find((word) => ![KINDS, CLASS_NAMES, known].some((words) => words.includes(word)));
  if (strange !== undefined) return `"${strange}" is no kind, no class and no entry of the corpus.`;
  const kinds = only.filter((word) => KINDS.includes(word));
  const classes = only.filter((word) => CLASS_NAMES.includes(word) && !KINDS.includes(word));
  const ids = only.filter((word) => known.includes(word));
  const again = failed ? 'failed' : resume ? 'new' : 'all';
  return { kinds, classes, ids, again, sample, seed, workers, seconds, minutes, results, json, out };
}

function parsed<T>(parse: () => T): T | string {
  try {
    return parse();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

type Choice = Pick<Options, 'kinds' | 'classes' | 'ids' | 'sample' | 'seed'>;

/** Whether nothing of the corpus is left out by the command line. */
export const isWhole = ({ kinds, classes, ids, sample }: Choice): boolean =>
  sample === undefined && [kinds, classes, ids].every((words) => words.length === 0);

/** The entries that are asked for: a class takes its defects and their twins; a sample is the same for the same seed. */
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
