import * as z from 'zod';
import { launch } from './launch.ts';
import { coverageOfChange } from './suite/coverage.ts';
import { proof } from './suite/proof.ts';
import { TEST_STATES } from './suite/types.ts';

/** What fits into the log of a gate's evidence, whose digest is signed. */
const MAX_TESTS_CHARS = 36_000;

/** The evidence of `qa.suite` on one commit, as its log holds it: what a verdict may rest on. */
const suiteEvidence = z.object({
  runner: z.string(),
  command: z.string(),
  passed: z.int(),
  failed: z.array(z.string()),
  flaky: z.array(z.string()),
  acts: z.array(z.object({ act: z.string(), at: z.string() })),
  runs: z.int(),
  launch,
  coverage: coverageOfChange,
  proof,
  patterns: z.array(z.string()),
  licences: z.array(z.object({ licence: z.string(), packages: z.int() })),
  not_tested: z.array(z.string()),
  output: z.string(),
  /** Tests that are not in the table because it would be too long. */
  left_out: z.int(),
  tests: z.array(z.tuple([z.enum(TEST_STATES), z.string()])),
});
export type SuiteEvidence = z.infer<typeof suiteEvidence>;

/** The evidence as the text of a log: one line a test, bounded. */
export function suiteLog(evidence: Omit<SuiteEvidence, 'left_out'>): string {
  const tests: SuiteEvidence['tests'] = [];
  let left = MAX_TESTS_CHARS;
  for (const test of evidence.tests.toSorted(([a], [b]) => Number(b === 'failed') - Number(a === 'failed'))) {
    left -= JSON.stringify(test).length + 2;
    if (left < 0) break;
    tests.push(test);
  }
  const short = (list: readonly string[]) => list.slice(0, 20).map((text) => text.slice(0, 300));
  const { tests: all, failed, flaky, acts, patterns, output, ...rest } = evidence;
  const head = {
    ...rest,
    failed: short(failed),
    flaky: short(flaky),
    acts: acts.slice(0, 10),
    patterns: short(patterns),
    output: output.slice(-4_000),
    left_out: all.length - tests.length,
  };
  const rows = tests.map((test) => JSON.stringify(test)).join(',\n');
  return `${JSON.stringify(head).slice(0, -1)},"tests":[\n${rows}]}`;
}

/** Reads evidence back from a gate's log, below its first line; undefined when it holds none. */
export function readSuiteLog(log: string): SuiteEvidence | undefined {
  try {
    return suiteEvidence.parse(JSON.parse(log.slice(log.indexOf('\n\n') + 2)));
  } catch {
    return undefined;
  }
}
