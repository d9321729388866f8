import { CLASSES } from '../corpus/corpus.ts';
import type { HostileScore } from './hostile.ts';
import type { Scored } from './score.ts';
import { type KindSeconds, meanSeconds, secondsByKind } from './seconds.ts';

/** The least part of what was planted that must be found. */
export const RECALL = 0.9;

export interface ClassFigures {
  class: string;
  planted: number;
  found: number;
  /** Planted, tested and not found. */
  missed: number;
  /** Planted where the command made no report that counts. */
  untested: number;
  /** Sound twins of defects of this class. */
  twins: number;
  /** Findings of this class on any twin, by weight. */
  false_alarms: number;
  low: number;
  /** Of one of its entries, defect or twin, on average. */
  seconds: number;
}

/** What is to be known of a run beside what it counted. */
export interface About {
  /** Of all entries: how long this run took. */
  ms: number;
  /** Entries that should have been counted and were never run. */
  notRun?: number;
  /** Entries whose result is of another build of the command, or of an older state of the entry. */
  stale?: number;
  /** Entries that were run more than once on this build. */
  again?: number;
  /** How many ran at once, at most. */
  workers?: number;
}

export interface Figures {
  ok: boolean;
  planted: number;
  found: number;
  recall_percent: number;
  /** Hits that name only the page, not the element. */
  page_only: number;
  twins: number;
  false_alarms: number;
  low_on_twins: number;
  untested: number;
  not_run: number;
  stale: number;
  again: number;
  workers: number;
  hostile: number;
  harmless: number;
  seconds: number;
  kinds: KindSeconds[];
  classes: ClassFigures[];
  cases: Scored[];
  hostile_projects: HostileScore[];
}

/** Everything that was counted. `ok` only when every bar holds over what was run, and something was run. */
export function figuresOf(
  cases: readonly Scored[],
  hostile: readonly HostileScore[],
  { ms, notRun = 0, stale = 0, again = 0, workers = 1 }: About,
): Figures {
  const classes = Object.values(CLASSES)
    .flat()
    .map((name) => ofClass(name, cases))
    .filter(({ class: _, ...counts }) => Object.values(counts).some((count) => count > 0));
  const found = total(cases, ({ hits }) => hits.length);
  const planted = found + total(cases, ({ missed }) => missed.length);
  const falseAlarms = total(cases, ({ alarms }) => alarms.length);
  const untested = cases.filter((one) => one.untested !== undefined).length;
  const harmless = hostile.filter(({ ok }) => ok).length;
  const ok =
    cases.length + hostile.length > 0 &&
    found >= planted * RECALL &&
    falseAlarms === 0 &&
    untested === 0 &&
    notRun === 0 &&
    stale === 0 &&
    harmless === hostile.length;
  return {
    ok,
    planted,
    found,
    recall_percent: planted === 0 ? 0 : Math.floor((found / planted) * 1_000) / 10,
    page_only: total(cases, ({ hits }) => hits.filter(({ coarse }) => coarse).length),
    twins: cases.filter(({ sound }) => sound).length,
    false_alarms: falseAlarms,
    low_on_twins: total(cases, ({ low }) => low.length),
    untested,
    not_run: notRun,
    stale,
    again,
    workers,
    hostile: hostile.length,
    harmless,
    seconds: Math.round(ms / 1_000),
    kinds: secondsByKind(cases),
    classes,
    cases: [...cases],
    hostile_projects: [...hostile],
  };
}

function ofClass(name: string, cases: readonly Scored[]): ClassFigures {
  const count = (list: readonly { class: string }[]) => list.filter((one) => one.class === name).length;
  const found = total(cases, ({ hits }) => count(hits));
  const lost = total(cases, ({ missed }) => count(missed));
  const untested = total(cases, ({ missed, untested }) => (untested === undefined ? 0 : count(missed)));
  return {
    class: name,
    planted: found + lost,
    found,
    missed: lost - untested,
    untested,
    twins: cases.filter(({ sound, classes }) => sound && classes.includes(name)).length,
    false_alarms: total(cases, ({ alarms }) => count(alarms)),
    low: total(cases, ({ low }) => count(low)),
    seconds: meanSeconds(cases.filter(({ classes }) => classes.includes(name)).map(({ ms }) => ms)),
  };
}

const total = <T>(list: readonly T[], of: (one: T) => number): number =>
  list.reduce((sum, one) => sum + of(one), 0);
