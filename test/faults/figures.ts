import { availableParallelism } from 'node:os';
import type { Arm, Outcome } from './arm.ts';
import type { Options } from './options.ts';
import { longestRecovery } from './report.ts';

export type Result = Outcome & { arm: Arm };

/** What a run showed, over all its arms; `ok` is whether it showed what it must. */
export function figuresOf(options: Options, results: readonly Result[]) {
  const ops = results.flatMap((result) => result.ops);
  const violations = results.flatMap((result) => result.violations);
  const hits = (...names: string[]) =>
    sum(
      results.flatMap(({ faults }) =>
        faults.filter(({ name }) => names.includes(name)).map(({ hits: times }) => times),
      ),
    );
  return {
    ok: options.mutant
      ? results.every((result) => result.violations.length > 0)
      : results.length > 0 && violations.length === 0,
    cores: availableParallelism(),
    seed: options.seed,
    seconds: options.seconds,
    ...(options.mutant && { mutant: options.mutant }),
    arms: results.length,
    processes: options.workers,
    servers: options.ways.includes('http') ? 2 : 0,
    kills: hits('kill'),
    pauses: hits('stop'),
    restarts: hits('restart'),
    broken_links: hits('late', 'cut', 'silent', 'deaf'),
    clock_steps: hits('clock-one', 'clock-all'),
    full_disks: hits('full'),
    read_only: hits('read-only'),
    stuck_locks: hits('lock'),
    calls: ops.length,
    acknowledged: ops.filter(({ tool, ending }) => tool !== 'open' && ending === 'ok').length,
    refused: ops.filter(({ tool, ending }) => tool !== 'open' && ending === 'fail').length,
    in_doubt: sum(results.map(({ inDoubt }) => inDoubt)),
    in_doubt_done: sum(results.map(({ done }) => done)),
    longest_recovery_ms: Math.max(
      0,
      ...results.map((result) => longestRecovery(result.ops, result.faults)?.ms ?? 0),
    ),
    violations: violations.length,
    violated: [...new Set(violations.map(({ invariant }) => invariant))].sort(),
    each: results.map(({ arm, ops: own, faults, violations: found }) => ({
      database: arm.dialect,
      over: arm.http ? 'http' : 'here',
      seed: arm.seed,
      calls: own.length,
      faults: faults.length,
      violations: found.length,
    })),
  };
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0);
