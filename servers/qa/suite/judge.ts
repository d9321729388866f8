import * as z from 'zod';
import { endOf } from '../../core/outcome.ts';
import { failedTests, passedTests } from '../../core/test_count.ts';
import type { Finding } from '../finding.ts';
import type { SuitePlan } from './detect.ts';
import { type Act, PROCESSES, type SuiteRun } from './run.ts';
import { type TestRow, testRow } from './types.ts';

/** What a suite showed, its reruns included. */
const suiteReport = z.object({
  runner: z.string(),
  command: z.string(),
  tests: z.array(testRow),
  /** How many passed as the runner counts them, which is all there is where it names none. */
  passed: z.int(),
  failed: z.array(z.string()),
  flaky: z.array(z.string()),
  acts: z.array(z.object({ act: z.string(), at: z.string() })),
  runs: z.int(),
  ms: z.int(),
});
export type SuiteReport = z.infer<typeof suiteReport>;

/** Almost as many processes as a run may have. */
const MANY = PROCESSES * 0.8;

/** The verdict of one run: which tests failed, how many passed, and what it did that no suite does. */
export function judgeRun(plan: SuitePlan, run: SuiteRun) {
  const failed = run.rows.filter(({ state }) => state === 'failed');
  const passedIds = run.rows.filter(({ state }) => state === 'passed').map(({ id }) => id);
  const printed = plan.runner === 'nothing' ? 0 : (passedTests(run.log)?.passed ?? 0);
  const passed = run.rows.length > 0 ? passedIds.length : printed;
  const wentWell = isGood(run) && failed.length === 0 && printedFailures(run) === 0 && passed > 0;
  return { failed, passed, passedIds, acts: actsOf(run), wentWell, plan };
}

/** Failures that only the runner's summary tells, whatever the command made of them. */
const printedFailures = ({ rows, log }: SuiteRun): number => (rows.length > 0 ? 0 : failedTests(log));

const isGood = ({ result }: SuiteRun) => result.exit === 0 && result.killedBy === null;

function actsOf({ acts, seen, spawned, result, log }: SuiteRun): Act[] {
  const own = acts.slice(0, 20);
  const at = spawned[0]?.at ?? '';
  if (result.killedBy === 'output')
    own.push({ act: 'prints without end (ended by the limit on output)', at: '' });
  if (seen && seen.peak > MANY) own.push({ act: `starts too many processes (${seen.peak} at once)`, at });
  else if (/(?:Cannot fork|spawn \S+ EAGAIN|Resource temporarily unavailable)/.test(log))
    own.push({ act: 'starts too many processes (refused by the limit)', at });
  if (seen && seen.left.length > 0)
    own.push({
      act: `left a process running when it ended: ${seen.left[0]?.called.split('\n')[0]}`,
      at: starter(seen.left, spawned),
    });
  if (!seen && result.killedBy === null)
    own.push({ act: 'ended before a result: it killed what runs it', at: '' });
  return own;
}

/** Where the product started one of these processes. */
const starter = (left: readonly { id: number }[], spawned: SuiteRun['spawned']): string =>
  spawned.find(({ pid }) => left.some(({ id }) => id === pid))?.at ?? spawned[0]?.at ?? '';

/** One sentence why a suite is not passed; undefined when it is. */
export function faultOf(report: SuiteReport, run: SuiteRun): string | undefined {
  const { acts, failed, flaky, passed } = report;
  const [act] = acts;
  if (act) return `hostile: it ${act.act}${act.at ? ` at ${act.at}` : ''}`;
  if (flaky.length > 0) return `${flaky.length} flaky: ${flaky.slice(0, 3).join('; ')}`;
  if (failed.length > 0) return `${failed.length} failed: ${failed.slice(0, 3).join('; ')}`;
  if (!isGood(run)) return `the tests failed (${endOf(run.result)})`;
  const printed = printedFailures(run);
  if (printed > 0) return `${printed} failed, though the command ended with 0`;
  if (passed > 0) return undefined;
  return passedTests(run.log)
    ? `${report.runner} ran, but no test passed`
    : 'no test runner said how many tests passed';
}

/** The findings of a suite, one a test or an act. */
export function findingsOf(report: SuiteReport, run: SuiteRun): Finding[] {
  const base = { reproduce: report.command, confirmed: true } as const;
  const rows = new Map(report.tests.map((row) => [row.id, row]));
  const about = (id: string) => rows.get(id)?.file || 'package.json';
  const found: Finding[] = report.acts.map(({ act, at }) => ({
    ...base,
    class: 'hostile',
    severity: 'critical',
    where: at || 'package.json',
    what: `The suite ${act}.`,
  }));
  for (const id of report.flaky)
    found.push({
      ...base,
      class: 'flaky-test',
      severity: 'medium',
      where: about(id),
      what: `"${id}" fails in one run and passes in another.`,
    });
  for (const id of report.failed)
    found.push({
      ...base,
      class: 'failing-test',
      severity: 'high',
      where: about(id),
      what: `"${id}" fails: ${messageOf(rows.get(id))}`,
    });
  if (found.length > 0) return found.slice(0, 200);
  const fault = faultOf(report, run);
  if (fault === undefined) return [];
  const none = report.passed === 0 && isGood(run) && printedFailures(run) === 0;
  return [
    {
      ...base,
      class: none ? 'no-tests' : 'failing-test',
      severity: 'high',
      where: 'package.json',
      what: none
        ? 'The suite ended well, and no test ran.'
        : `The suite failed: ${fault}. ${run.log.slice(-600)}`,
    },
  ];
}

const messageOf = (row: TestRow | undefined) => row?.message || 'no message';
