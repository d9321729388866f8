import { availableParallelism } from 'node:os';
import type { readOutcome } from './factory.ts';
import type { Options } from './options.ts';
import type { Tally } from './work.ts';

/** Memory of the last quarter against the second: what a server keeps for good would show by then. */
const FLAT = 1.15;

export type Outcome = Awaited<ReturnType<typeof readOutcome>>;

/** What a run showed, and whether it kept the promise. `samples` are megabytes at even intervals. */
export function figuresOf(
  options: Options,
  tally: Tally,
  samples: readonly number[],
  kills: number,
  outcome: Outcome,
) {
  const waits = tally.waits.toSorted((a, b) => a - b);
  const at = (share: number) =>
    Number((waits[Math.floor((waits.length - 1) * share)] ?? Number.NaN).toFixed(1));
  const quarter = Math.ceil(samples.length / 4);
  const early = middle(samples.slice(quarter, 2 * quarter));
  const late = middle(samples.slice(-quarter));
  const undone = Object.entries(outcome.states).filter(([state]) => state !== 'done');
  const isFlat = kills > 0 || samples.length < 8 || late <= early * FLAT;
  return {
    ok:
      tally.errors.length === 0 &&
      tally.lostWakeUps === 0 &&
      undone.length === 0 &&
      outcome.twice === 0 &&
      outcome.record &&
      isFlat,
    cores: availableParallelism(),
    ...options,
    kills,
    created: tally.created,
    tasks: outcome.states,
    calls: tally.calls,
    errors: tally.errors.length,
    error: tally.errors.slice(0, 5),
    unclear: tally.unclear,
    lost_wake_ups: tally.lostWakeUps,
    done_twice: outcome.twice,
    record_verifies: outcome.record,
    taken_after_ms: { p50: at(0.5), p99: at(0.99), longest: at(1) },
    memory_mb: { second_quarter: early, last_quarter: late, flat: isFlat },
  };
}

const middle = (values: readonly number[]) =>
  Math.round(values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0);
