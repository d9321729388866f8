import type { Scored } from './score.ts';

/** Where the seconds of entries of one kind go, on average: in each check, and in all the rest of the command. */
export interface KindSeconds {
  kind: string;
  entries: number;
  each: number;
  checks: Record<string, number>;
  rest: number;
}

/** One row for each kind that was run; seconds with one decimal. */
export function secondsByKind(cases: readonly Scored[]): KindSeconds[] {
  const kinds = [...new Set(cases.map(({ kind }) => kind))];
  return kinds.map((kind) => {
    const own = cases.filter((one) => one.kind === kind);
    const names = [...new Set(own.flatMap(({ checks }) => checks.map(({ name }) => name)))];
    const mean = (of: (one: Scored) => number) => meanSeconds(own.map(of));
    const spent = (one: Scored, name: string) => one.checks.find((check) => check.name === name)?.ms ?? 0;
    const inChecks = (one: Scored) => one.checks.reduce((sum, { ms }) => sum + ms, 0);
    return {
      kind,
      entries: own.length,
      each: mean(({ ms }) => ms),
      checks: Object.fromEntries(names.map((name) => [name, mean((one) => spent(one, name))])),
      rest: mean((one) => one.ms - inChecks(one)),
    };
  });
}

/** The mean of these milliseconds, in seconds with one decimal; 0 of none. */
export const meanSeconds = (times: readonly number[]): number =>
  times.length === 0 ? 0 : Math.round(times.reduce((sum, ms) => sum + ms, 0) / times.length / 100) / 10;
