import { expect, test } from 'vitest';
import { failedTests, passedTests } from '../../servers/core/test_count.ts';

test.each<[string, string, number]>([
  ['node:test', '✔ adds\nℹ tests 3\nℹ pass 2\nℹ fail 0\nℹ skipped 1', 2],
  ['node:test', '# tests 1\n# pass 1\n# fail 0\n...\n# tests 4\n# pass 4', 5],
  ['vitest', ' Test Files  1 passed (1)\n      Tests  12 passed | 1 skipped (13)\n', 12],
  ['jest', 'Tests:       1 skipped, 7 passed, 8 total\nSnapshots:   0 total', 7],
  ['pytest', '=================== 5 passed, 1 warning in 0.12s ===================', 5],
  ['mocha', '\n  9 passing (12ms)\n  1 pending', 9],
  ['cargo', 'test result: ok. 3 passed; 0 failed; 0 ignored', 3],
  [
    'go',
    'ok  \texample.com/a\t0.012s\nok  \texample.com/b\t(cached)\n?   \texample.com/c\t[no test files]',
    2,
  ],
  ['unittest', 'Ran 4 tests in 0.001s\n\nOK', 4],
  ['phpunit', 'OK (5 tests, 9 assertions)', 5],
  ['tap', 'TAP version 13\nok 1 - a\nok 2 - b # SKIP later\n1..2', 1],
  ['node:test', 'ℹ tests 0\nℹ pass 0', 0],
])('reads the summary of %s', (runner, output, passed) => {
  expect(passedTests(output)).toEqual({ runner, passed });
});

test.each([
  ['nothing', ''],
  ['prose', 'All 5 tests passed, trust me.\nI ran 12 passing tests'],
  ['a failed run of vitest', '      Tests  3 failed (3)'],
  ['go without tests', '?   \texample.com/c\t[no test files]\nok  \texample.com/d\t0.01s [no tests to run]'],
])('takes %s for no summary', (_what, output) => {
  expect(passedTests(output)).toBeUndefined();
});

test.each([
  ['node:test', 'ℹ pass 2\nℹ fail 1', 1],
  ['vitest', '      Tests  1 failed | 3 passed (4)', 1],
  ['jest', 'Tests:       2 failed, 7 passed, 9 total', 2],
  ['pytest', '=========== 1 failed, 5 passed in 0.12s ===========', 1],
  ['mocha', '  9 passing (12ms)\n  1 failing', 1],
  ['cargo', 'test result: FAILED. 3 passed; 1 failed; 0 ignored', 1],
  ['go', 'ok  \ta\t0.1s\nFAIL\tb\t0.1s', 1],
  ['rspec', '3 examples, 1 failure', 1],
  ['a good run', 'ℹ pass 2\nℹ fail 0\nTests:  7 passed, 7 total\n3 examples, 0 failures', 0],
  ['prose', 'It failed 3 times\nFAIL', 0],
])('reads the failures of %s', (_runner, output, failed) => {
  expect(failedTests(output)).toBe(failed);
});

test('a hostile output costs no time', () => {
  const started = performance.now();
  passedTests(
    `Tests: ${'1 a, '.repeat(500_000)}\n${' '.repeat(2_000_000)}\n${'1 a, '.repeat(190)}\n`.repeat(3),
  );
  expect(performance.now() - started).toBeLessThan(1000);
});
