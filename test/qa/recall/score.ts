import { ONLY_OF_PROJECTS, type PlantedCase } from '../corpus/corpus.ts';
import type { Ran, Reported } from './command.ts';

export type Planted = PlantedCase['expect'][number];

/** Whether a finding names the place of what was planted: itself, or only the page as a whole. */
export type SamePlace = (
  planted: PlantedCase,
  expected: Planted,
  finding: Reported,
) => Promise<'same' | 'whole page' | undefined>;

/** What was planted, and the finding that hit it. */
export interface Hit extends Planted {
  by: string;
  /** The finding names only the page, not the element. */
  coarse: boolean;
}

/** One case, counted. */
export interface Scored {
  id: string;
  kind: PlantedCase['kind'];
  sound: boolean;
  /** The classes that are planted here, or in the defect of which this is the twin. */
  classes: string[];
  hits: Hit[];
  /** `seen` says what was found of that class elsewhere, or here but unconfirmed. */
  missed: (Planted & { seen: string[] })[];
  /** On a twin: findings worse than low. */
  alarms: Reported[];
  /** On a twin: findings that are low. */
  low: Reported[];
  /** The command made no report that counts: nothing is hit, and a twin is not clean. */
  untested?: string;
  /** How long it took. */
  ms: number;
  /** The checks that ran, and how long each took. */
  checks: { name: string; ms: number }[];
}

/**
 * Counts what one run of the command found, by the rules of the corpus: a confirmed finding hits what was planted
 * when class and place are the same, and hits one thing only; on a twin each finding is a false alarm, confirmed or
 * not. What only a project can have counts in projects only.
 */
export async function score(
  planted: PlantedCase,
  { report, fault, ms }: Omit<Ran, 'output'>,
  { samePlace, defect }: { samePlace: SamePlace; defect?: PlantedCase | undefined },
): Promise<Scored> {
  const { id, kind, sound, expect } = planted;
  const counted = (report?.findings ?? []).filter(
    (finding) => kind === 'project' || !ONLY_OF_PROJECTS.includes(finding.class),
  );
  const classes = [...new Set((defect ?? planted).expect.map((finding) => finding.class))];
  const checks = (report?.checks ?? []).filter(({ ran }) => ran).map(({ name, ms }) => ({ name, ms }));
  const base = { id, kind, sound, classes, ms, checks, ...(fault !== undefined && { untested: fault }) };
  if (sound) {
    const low = counted.filter(({ severity }) => severity === 'low');
    return { ...base, hits: [], missed: [], alarms: counted.filter((one) => !low.includes(one)), low };
  }
  const { hits, missed } = await matched(planted, expect, fault === undefined ? counted : [], samePlace);
  return { ...base, hits, missed, alarms: [], low: [] };
}

/** Whether nothing is to be said against how the entry was tested. */
export const isGood = ({ missed, alarms, untested }: Scored): boolean =>
  missed.length === 0 && alarms.length === 0 && untested === undefined;

/** Precise findings are given away first, so that one that names only the page takes what is left. */
async function matched(
  planted: PlantedCase,
  expect: readonly Planted[],
  findings: readonly Reported[],
  samePlace: SamePlace,
): Promise<Pick<Scored, 'hits' | 'missed'>> {
  const pairs = [];
  for (const expected of expect)
    for (const finding of findings.filter((one) => one.class === expected.class && one.confirmed))
      pairs.push({ expected, finding, place: await samePlace(planted, expected, finding) });
  const used = new Set<Reported>();
  const hits = new Map<Planted, Hit>();
  for (const wanted of ['same', 'whole page'] as const)
    for (const { expected, finding, place } of pairs) {
      if (place !== wanted || hits.has(expected) || used.has(finding)) continue;
      used.add(finding);
      hits.set(expected, { ...expected, by: finding.where, coarse: wanted === 'whole page' });
    }
  const seen = (expected: Planted) =>
    findings
      .filter((one) => one.class === expected.class && !used.has(one))
      .map(({ where, confirmed }) => (confirmed ? where : `${where} (unconfirmed)`));
  return {
    hits: [...hits.values()],
    missed: expect.filter((one) => !hits.has(one)).map((one) => ({ ...one, seen: seen(one) })),
  };
}
