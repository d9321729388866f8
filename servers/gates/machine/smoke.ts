import { runOnCommit } from '../../core/clean_run.ts';
import { passedTests } from '../../core/test_count.ts';
import { endOf, type Gate, type GateOutcome, type GateRun, printed } from './gate.ts';

/** `smoke`: the factory's test command passes on a clean checkout, and at least one test ran. */
export const smoke: Gate = (run) => smokeOn(run, run.commit);

/** The same judgement on another commit of the authority. */
export async function smokeOn(run: GateRun, commit: string): Promise<GateOutcome> {
  const { command = [], seconds } = run.factory.gates.smoke;
  const [program, ...args] = command;
  if (program === undefined) {
    const why = 'the factory names no smoke command: set gates.smoke.command';
    return {
      passed: false,
      why,
      log: '',
      exit: null,
      isolation: 'none',
      engine: 'nothing ran',
      dependencies: null,
    };
  }
  const result = await runOnCommit(run.services, {
    commit,
    command: [program, ...args],
    limits: { wallMs: seconds * 1000 },
    signal: run.signal,
  });
  const log = printed(result);
  const { exit, isolation, engine, dependencies } = result;
  return { ...verdict(result, log), log, exit, isolation, engine, dependencies };
}

function verdict(result: Parameters<typeof endOf>[0], log: string): Pick<GateOutcome, 'passed' | 'why'> {
  if (result.exit !== 0 || result.killedBy !== null)
    return { passed: false, why: `the tests failed (${endOf(result)})` };
  const count = passedTests(log);
  if (!count) return { passed: false, why: 'no test runner said how many tests passed' };
  if (count.passed === 0) return { passed: false, why: `${count.runner} ran, but no test passed` };
  return { passed: true, why: `${count.passed} tests passed (${count.runner})` };
}
