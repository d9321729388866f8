import type { Layer, Sandbox } from '../../core/sandbox/sandbox.ts';
import type { SuitePlan } from './detect.ts';
import { judgeRun, type SuiteReport } from './judge.ts';
import { runOnce, type SuiteRun } from './run.ts';

/** How often a suite is run again to see whether it says the same, while all runs take no longer than `ms`. */
export interface Reruns {
  passed: { most: number; ms: number };
  failed: { most: number; ms: number };
}
/** For agents, who wait, and come back with the next round of a change. */
const FEW: Reruns = { passed: { most: 1, ms: 30_000 }, failed: { most: 2, ms: 120_000 } };
/** For a person who asks once: a test that fails half the time is missed once in a thousand. */
export const MANY: Reruns = { passed: { most: 9, ms: 20_000 }, failed: { most: 5, ms: 120_000 } };
/** What a shell ends with when it could not run the command. */
const NOT_RUN = [126, 127];

export interface SuiteOptions {
  sources: string;
  layers: readonly Layer[];
  plan: SuitePlan;
  wallMs: number;
  signal: AbortSignal;
  reruns?: Reruns;
  progress?: (line: string) => void;
}

/** A suite's report, and its first run, with the coverage of that. */
export interface SuiteOutcome {
  report: SuiteReport;
  first: SuiteRun;
}

/**
 * Runs a product's suite in the sandbox, and again a bounded number of times: a test that says one thing in one run
 * and another in the next is flaky. Each run has a fresh copy of the sources.
 */
export async function runProductSuite(sandbox: Sandbox, options: SuiteOptions): Promise<SuiteOutcome> {
  const { plan, reruns = FEW, progress = () => undefined } = options;
  const started = performance.now();
  progress(`${plan.command.join(' ')} (${plan.runner})`);
  const first = await runOnce(sandbox, { ...options, withCoverage: plan.runner === 'node' });
  const verdict = judgeRun(plan, first);
  const runs = [verdict];
  const { killedBy, exit } = first.result;
  const mayRerun = verdict.acts.length === 0 && killedBy === null && verdict.failed.length < 50;
  const hasFailed = verdict.failed.length > 0 || (exit !== 0 && !NOT_RUN.includes(exit ?? 127));
  const { most, ms } = verdict.wentWell ? reruns.passed : hasFailed ? reruns.failed : { most: 0, ms: 0 };
  while (mayRerun && runs.length <= most && performance.now() - started + first.result.ms < ms) {
    options.signal.throwIfAborted();
    progress(`once more (${runs.length} of ${most})`);
    const again = await runOnce(sandbox, options);
    if (again.result.killedBy !== null) break;
    runs.push(judgeRun(plan, again));
    if (runs.some((run) => differ(run, verdict))) break;
  }
  const failedIn = runs.map(({ failed }) => new Set(failed.map(({ id }) => id)));
  const everFailed = new Set(failedIn.flatMap((ids) => [...ids]));
  const named = [...everFailed].filter((id) => failedIn.some((ids) => !ids.has(id)));
  const isUnsteady = runs.some(({ wentWell }) => wentWell !== verdict.wentWell);
  const flaky = named.length === 0 && isUnsteady ? [WHOLE] : named;
  const report: SuiteReport = {
    runner: plan.runner,
    command: plan.command.join(' '),
    tests: merged(first, runs),
    passed: verdict.passed,
    failed: [...everFailed].filter((id) => !flaky.includes(id)),
    flaky,
    acts: verdict.acts,
    runs: runs.length,
    ms: Math.round(performance.now() - started),
  };
  return { report, first };
}

/** What is named flaky where the runner names no test. */
const WHOLE = 'the suite as a whole';

type Judged = ReturnType<typeof judgeRun>;

const differ = (a: Judged, b: Judged): boolean =>
  a.wentWell !== b.wentWell ||
  a.failed.map(({ id }) => id).join('\n') !== b.failed.map(({ id }) => id).join('\n');

/** The rows of the first run; a test that failed in any run has failed. */
function merged({ rows }: SuiteRun, runs: readonly Judged[]): SuiteReport['tests'] {
  const failures = new Map(runs.flatMap(({ failed }) => failed.map((row) => [row.id, row])));
  return rows.map((row) => failures.get(row.id) ?? row);
}
