/** How test runners state what passed: one count a match, or, without a group, one passed unit a match. */
const SUMMARIES: readonly { runner: string; pattern: RegExp }[] = [
  { runner: 'node:test', pattern: /^(?:ℹ|#) pass (\d+)$/gm },
  { runner: 'vitest', pattern: /^ *Tests +(?:\d+ failed \| )?(\d+) passed\b/gm },
  { runner: 'jest', pattern: /^Tests: +(?:\d+ [a-z]+, )*(\d+) passed, (?:\d+ [a-z]+, )*\d+ total$/gm },
  { runner: 'pytest', pattern: /^=* ?(?:\d+ [a-z]+, )*(\d+) passed\b[^=\n]{0,80} in [\d.]+s/gm },
  { runner: 'mocha', pattern: /^ *(\d+) passing\b/gm },
  { runner: 'playwright', pattern: /^ *(\d+) passed \([\d.]+m?s\)$/gm },
  { runner: 'ava', pattern: /^ *(\d+) tests? passed$/gm },
  { runner: 'bun', pattern: /^ *(\d+) pass$/gm },
  { runner: 'deno', pattern: /^ok \| (\d+) passed\b/gm },
  { runner: 'cargo', pattern: /^test result: ok\. (\d+) passed;/gm },
  { runner: 'go', pattern: /^ok +\t?[^\s]+\t(?:[\d.]+s|\(cached\))(?!.*no tests to run)/gm },
  { runner: 'unittest', pattern: /^Ran (\d+) tests? in [\d.]+s$/gm },
  { runner: 'rspec', pattern: /^(\d+) examples?, 0 failures/gm },
  { runner: 'minitest', pattern: /^(\d+) (?:runs|tests), \d+ assertions, 0 failures, 0 errors/gm },
  { runner: 'phpunit', pattern: /^OK \((\d+) tests?, \d+ assertions?\)$/gm },
  { runner: 'tap', pattern: /^ok \d+(?!.*# *(?:skip|todo))/gim },
];

/** How the same runners state what failed; a command that goes on after a failure ends with 0 all the same. */
const FAILURES: readonly { runner: string; pattern: RegExp }[] = [
  { runner: 'node:test', pattern: /^(?:ℹ|#) fail (\d+)$/gm },
  { runner: 'vitest', pattern: /^ *Tests +(\d+) failed\b/gm },
  { runner: 'jest', pattern: /^Tests: +(\d+) failed, /gm },
  { runner: 'pytest', pattern: /^=* ?(\d+) (?:failed|errors?)\b[^=\n]{0,80} in [\d.]+s/gm },
  { runner: 'mocha', pattern: /^ *(\d+) failing\b/gm },
  { runner: 'ava', pattern: /^ *(\d+) tests? failed$/gm },
  { runner: 'bun', pattern: /^ *(\d+) fail$/gm },
  { runner: 'deno', pattern: /^FAILED \| \d+ passed \| (\d+) failed/gm },
  { runner: 'cargo', pattern: /^test result: FAILED\. \d+ passed; (\d+) failed;/gm },
  { runner: 'go', pattern: /^FAIL\t\S/gm },
  { runner: 'unittest', pattern: /^FAILED \((?:failures|errors)=(\d+)/gm },
  { runner: 'rspec', pattern: /^\d+ examples?, (\d+) failures?/gm },
  { runner: 'minitest', pattern: /^\d+ (?:runs|tests), \d+ assertions, (\d+) failures/gm },
  { runner: 'phpunit', pattern: /^Tests: \d+, Assertions: \d+, (?:Failures|Errors): (\d+)/gm },
];

/** Summaries come last; a longer output is not searched. */
const SEARCHED = 200_000;
const LONGEST_LINE = 1_000;

/**
 * How many tests passed, as the summary of the test runner states it; undefined when no known runner's summary is
 * in the output. Skipped tests don't count.
 */
export function passedTests(output: string): { runner: string; passed: number } | undefined {
  const found = firstIn(SUMMARIES, output);
  return found && { runner: found.runner, passed: found.count };
}

/** How many tests failed, as the summary of the test runner states it; 0 where none states a failure. */
export const failedTests = (output: string): number => firstIn(FAILURES, output)?.count ?? 0;

function firstIn(patterns: typeof SUMMARIES, output: string): { runner: string; count: number } | undefined {
  const text = output
    .slice(-SEARCHED)
    .split(/\r?\n/)
    .filter((line) => line.length <= LONGEST_LINE)
    .join('\n');
  for (const { runner, pattern } of patterns) {
    const found = [...text.matchAll(pattern)];
    if (found.length > 0) return { runner, count: found.reduce((sum, [, n]) => sum + Number(n ?? 1), 0) };
  }
  return undefined;
}
