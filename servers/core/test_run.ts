import { runOnCommit } from './clean_run.ts';
import type { Factory } from './factory/definition.ts';
import { endOf, nothingRan, type Outcome, printed } from './outcome.ts';
import type { SandboxResult } from './sandbox/sandbox.ts';
import type { Services } from './services.ts';
import { failedTests, passedTests } from './test_count.ts';

export type TestOutcome = Outcome & { readonly tests: number };

/**
 * Runs the factory's test command on a clean checkout of one commit, in the sandbox. It passes only when the command
 * ends with 0 and its runner says that at least one test passed and none failed. Throws as `runOnCommit` does.
 */
export async function testsOn(
  services: Services,
  { factory, commit, signal }: { factory: Factory; commit: string; signal: AbortSignal },
): Promise<TestOutcome> {
  const { command = [], seconds } = factory.gates.smoke;
  const [program, ...args] = command;
  if (program === undefined)
    return { ...nothingRan('the factory names no smoke command: set gates.smoke.command'), tests: 0 };
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
  result: Pick<SandboxResult, 'exit' | 'killedBy'>,
  log: string,
): Pick<TestOutcome, 'passed' | 'why' | 'tests'> {
  const count = passedTests(log);
  const tests = count?.passed ?? 0;
  if (result.exit !== 0 || result.killedBy !== null)
    return { passed: false, why: `the tests failed (${endOf(result)})`, tests };
  if (!count) return { passed: false, why: 'no test runner said how many tests passed', tests };
  if (tests === 0) return { passed: false, why: `${count.runner} ran, but no test passed`, tests };
  const failed = failedTests(log);
  if (failed > 0)
    return { passed: false, why: `${failed} tests failed, though the command ended with 0`, tests };
  return { passed: true, why: `${tests} tests passed (${count.runner})`, tests };
}
