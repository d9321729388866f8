import * as z from 'zod';
import { runOnCommit } from '../core/clean_run.ts';
import type { Factory } from '../core/factory/definition.ts';
import type { JobRunner } from '../core/jobs.ts';
import type { Services } from '../core/services.ts';
import { passedTests } from '../core/test_count.ts';
import { endOf, evidenceFor, nothingRan, type Outcome, printed, unmet } from './evidence.ts';
import { insertGateResult } from './queries.ts';

const suiteJob = z.strictObject({ commit: z.string().regex(/^[0-9a-f]{40}$/) });

type SuiteOutcome = Outcome & { tests: number };

/**
 * The job `qa.run`: the product's own suite on a clean checkout of one commit, in the sandbox. It closes only when
 * the command ends with 0 and its runner says that at least one test passed. Any server may enqueue one.
 */
export const runSuite: JobRunner = async (input, { id, services, signal }) => {
  const { commit } = suiteJob.parse(input);
  const { factory } = await services.factory();
  const started = performance.now();
  const outcome = await suiteOn(services, factory, commit, signal).catch((error) => ({
    ...unmet(error),
    tests: 0,
  }));
  signal.throwIfAborted();
  const ms = Math.round(performance.now() - started);
  const result = await evidenceFor(services, { gate: 'qa.suite', commit, factory, ms }, outcome);
  const { closed, why, isolation, digest } = result;
  return {
    result: { done: true, closed, why: why.slice(0, 400), tests: outcome.tests, isolation, ms, digest },
    save: async (tx) => void (await insertGateResult(tx, result, id, services.clock.now())),
  };
};

async function suiteOn(
  services: Services,
  factory: Factory,
  commit: string,
  signal: AbortSignal,
): Promise<SuiteOutcome> {
  const { command = [], seconds } = factory.gates.smoke;
  const [program, ...args] = command;
  if (program === undefined)
    return { ...nothingRan('the factory names no test command: set gates.smoke.command'), tests: 0 };
  const result = await runOnCommit(services, {
    commit,
    command: [program, ...args],
    limits: { wallMs: seconds * 1000 },
    signal,
  });
  const log = printed(result);
  const { exit, isolation, engine, dependencies } = result;
  return { ...judged(result, log), log, exit, isolation, engine, dependencies };
}

function judged(
  result: Parameters<typeof endOf>[0],
  log: string,
): Pick<SuiteOutcome, 'passed' | 'why' | 'tests'> {
  const count = passedTests(log);
  const tests = count?.passed ?? 0;
  if (result.exit !== 0 || result.killedBy !== null)
    return { passed: false, why: `the tests failed (${endOf(result)})`, tests };
  if (!count) return { passed: false, why: 'no test runner said how many tests passed', tests };
  if (tests === 0) return { passed: false, why: `${count.runner} ran, but no test passed`, tests };
  return { passed: true, why: `${tests} tests passed (${count.runner})`, tests };
}
