import type { Layer, Sandbox } from '../../core/sandbox/sandbox.ts';
import type { SuitePlan } from './detect.ts';
import { judgeRun, type SuiteReport } from './judge.ts';
import { runOnce, type SuiteRun } from './run.ts';

/** A suite that took no longer is run once more when it passed, to see whether it says the same twice. */
const TWICE_MS = 15_000;
/** A suite that failed is run so often again, while that takes no longer than this in all. */
const RERUNS = 2;
const RERUNS_MS = 120_000;

export interface SuiteOptions {
  sources: string;
  layers: readonly Layer[];
  plan: SuitePlan;
  wallMs: number;
  signal: AbortSignal;
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
  const { plan, progress = () => undefined } = options;
  const started = performance.now();
  progress(`${plan.command.join(' ')} (${plan.runner})`);
  const first = await runOnce(sandbox, { ...options, withCoverage: plan.runner === 'node' });
  const verdict = judgeRun(plan, first);
  const runs = [verdict];
  const mayRerun = verdict.acts.length === 0 && first.result.killedBy === null && verdict.failed.length < 50;
  const most = verdict.wentWell
    ? Number(first.result.ms <= TWICE_MS)
    : verdict.failed.length > 0
      ? RERUNS
      : 0;
  while (mayRerun && runs.length <= most && performance.now() - started + first.result.ms < RERUNS_MS) {
    options.signal.throwIfAborted();
    progress(`once more (${runs.length} of ${most})`);
    runs.push(judgeRun(plan, await runOnce(sandbox, options)));
    if (runs.at(-1)?.wentWell !== verdict.wentWell) break;
  }
  const failedIn = runs.map(({ failed }) => new Set(failed.map(({ id }) => id)));
  const everFailed = new Set(failedIn.flatMap((ids) => [...ids]));
  const flaky = [...everFailed].filter((id) => failedIn.some((ids) => !ids.has(id)));
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

/** The rows of the first run; a test that failed in any run has failed. */
function merged({ rows }: SuiteRun, runs: readonly ReturnType<typeof judgeRun>[]): SuiteReport['tests'] {
  const failures = new Map(runs.flatMap(({ failed }) => failed.map((row) => [row.id, row])));
  return rows.map((row) => failures.get(row.id) ?? row);
}
