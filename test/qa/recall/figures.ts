import { CLASSES } from '../corpus/corpus.ts';
import type { HostileScore } from './hostile.ts';
import type { Scored } from './score.ts';

/** The least part of what was planted that must be found. */
export const RECALL = 0.9;

export interface ClassFigures {
  class: string;
  planted: number;
  found: number;
  /** Sound twins of defects of this class. */
  twins: number;
  /** Findings of this class on any twin, by weight. */
  false_alarms: number;
  low: number;
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
  hostile: number;
  harmless: number;
  seconds: number;
  classes: ClassFigures[];
  cases: Scored[];
  hostile_projects: HostileScore[];
}

/** Everything that was counted. `ok` only when every bar holds over what was run, and something was run. */
export function figuresOf(cases: readonly Scored[], hostile: readonly HostileScore[], ms: number): Figures {
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
    hostile: hostile.length,
    harmless,
    seconds: Math.round(ms / 1_000),
    classes,
    cases: [...cases],
    hostile_projects: [...hostile],
  };
}

function ofClass(name: string, cases: readonly Scored[]): ClassFigures {
  const count = (list: readonly { class: string }[]) => list.filter((one) => one.class === name).length;
  const found = total(cases, ({ hits }) => count(hits));
  return {
    class: name,
    planted: found + total(cases, ({ missed }) => count(missed)),
    found,
    twins: cases.filter(({ sound, classes }) => sound && classes.includes(name)).length,
    false_alarms: total(cases, ({ alarms }) => count(alarms)),
    low: total(cases, ({ low }) => count(low)),
  };
}

const total = <T>(list: readonly T[], of: (one: T) => number): number =>
  list.reduce((sum, one) => sum + of(one), 0);
