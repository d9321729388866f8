import { expect, test } from 'vitest';
import { detectSuite } from '../../../servers/qa/suite/detect.ts';
import { rowsOfGo, rowsOfJson } from '../../../servers/qa/suite/parse/json.ts';
import { rowsOfJUnit } from '../../../servers/qa/suite/parse/junit.ts';
import { rowsOfCargo, rowsOfTap } from '../../../servers/qa/suite/parse/text.ts';
import type { TestRow } from '../../../servers/qa/suite/types.ts';

const brief = (rows: readonly TestRow[]) => rows.map(({ id, state }) => [state, id]);

test('JUnit reports of node:test, vitest, pytest and playwright become rows', () => {
  const node = `<?xml version="1.0"?><testsuites>
    <testcase name="adds" time="0.0006" classname="test" file="/job/test/a.test.js"/>
    <testsuite name="group"><testcase name="bad &amp; &lt;b&gt;" time="0.2" classname="group" file="/job/test/a.test.js" failure="1 == 2">
      <failure message="1 == 2
more"><![CDATA[</testcase> <testcase name="no"/>]]></failure></testcase>
      <testcase name="later" file="/job/test/a.test.js"><skipped type="skipped"/></testcase></testsuite></testsuites>`;
  expect(brief(rowsOfJUnit(node))).toEqual([
    ['passed', 'test/a.test.js > adds'],
    ['failed', 'test/a.test.js > group > bad & <b>'],
    ['skipped', 'test/a.test.js > group > later'],
  ]);
  expect(rowsOfJUnit(node)[1]).toMatchObject({ message: '1 == 2', ms: 200 });

  const vitest = `<testsuites name="vitest tests"><testsuite name="src/x.test.ts" tests="1">
    <testcase classname="src/x.test.ts" name="price &gt; is whole" time="0.01"></testcase></testsuite></testsuites>`;
  expect(brief(rowsOfJUnit(vitest))).toEqual([['passed', 'src/x.test.ts > price > is whole']]);

  const pytest = `<testsuites><testsuite name="pytest"><testcase classname="tests.test_shop" name="test_price" time="0.001">
    <error message="failed on setup"/></testcase></testsuite></testsuites>`;
  expect(brief(rowsOfJUnit(pytest))).toEqual([['failed', 'tests.test_shop > test_price']]);
  expect(rowsOfJUnit('no report at all <b>')).toEqual([]);
});

test('jest, rspec, go, cargo and TAP become rows', () => {
  const jest = {
    testResults: [
      {
        name: '/job/a.test.js',
        assertionResults: [
          { fullName: 'sum adds', status: 'passed', duration: 3 },
          { fullName: 'sum breaks', status: 'failed', failureMessages: ['Error: no\n at x'] },
        ],
      },
      { name: '/job/b.test.js', message: 'SyntaxError', assertionResults: [] },
    ],
  };
  expect(brief(rowsOfJson(JSON.stringify(jest)))).toEqual([
    ['passed', 'a.test.js > sum adds'],
    ['failed', 'a.test.js > sum breaks'],
    ['failed', 'b.test.js > the file itself'],
  ]);
  const go = [
    '{"Action":"run","Package":"shop","Test":"TestPrice"}',
    '{"Action":"pass","Package":"shop","Test":"TestPrice","Elapsed":0.1}',
    '{"Action":"pass","Package":"shop"}',
    'not json',
    '{"Action":"fail","Package":"shop/broken"}',
  ];
  expect(brief(rowsOfGo(go.join('\n')))).toEqual([
    ['passed', 'shop > TestPrice'],
    ['failed', 'shop/broken > the package itself'],
  ]);
  expect(brief(rowsOfCargo('test price::whole ... ok\ntest price::odd ... FAILED\nrunning 2 tests'))).toEqual(
    [
      ['passed', 'price::whole'],
      ['failed', 'price::odd'],
    ],
  );
  const tap = 'TAP version 14\nok 1 - adds\nnot ok 2 - breaks\nok 3 - later # SKIP no time\nokay then\n';
  expect(brief(rowsOfTap(tap))).toEqual([
    ['passed', 'adds'],
    ['failed', 'breaks'],
    ['skipped', 'later'],
  ]);
});

const project = (files: Record<string, string>) => async (path: string) => files[path];
const script = (test: string, more: Record<string, string> = {}) => ({
  'package.json': JSON.stringify({ scripts: { test, ...more } }),
});

test('a project says by its manifests how it is tested', async () => {
  const found = async (files: Record<string, string>, command?: string[]) => {
    const plan = await detectSuite(project(files), command);
    return plan && [plan.runner, plan.command.join(' '), plan.report];
  };
  expect(await found(script('node --test'))).toEqual(['node', 'npm test', 'junit']);
  expect(await found(script('node --test'), ['node', '--run', 'test'])).toEqual([
    'node',
    'node --run test',
    'junit',
  ]);
  expect(await found({ ...script('vitest run'), 'pnpm-lock.yaml': '' })).toEqual([
    'vitest',
    'pnpm test -- --reporter=default --reporter=junit --outputFile.junit={report}',
    'junit',
  ]);
  expect(await found(script('npm run unit && npm run lint', { unit: 'jest', lint: 'eslint .' }))).toEqual([
    'jest',
    'npm test',
    'none',
  ]);
  expect(await found({ ...script('jest'), 'yarn.lock': '' })).toEqual([
    'jest',
    'yarn test --json --outputFile={report}',
    'json',
  ]);
  expect(await found(script('playwright test'))).toEqual([
    'playwright',
    'npm test -- --reporter=line,junit',
    'junit',
  ]);
  expect(await found({ ...script('bun test'), 'bun.lock': '' })).toEqual([
    'bun',
    'bun test --reporter=junit --reporter-outfile={report}',
    'junit',
  ]);
  expect(await found({ 'pyproject.toml': '' })).toEqual(['pytest', 'python3 -m pytest', 'junit']);
  expect(await found({ 'go.mod': '' })).toEqual(['go', 'go test -json ./...', 'go']);
  expect(await found({ 'Cargo.toml': '' })).toEqual(['cargo', 'cargo test', 'none']);
  expect(await found({ 'bin/rails': '' })).toEqual(['rails', 'bin/rails test', 'none']);
  expect(await found({ Makefile: 'all:\n\ttrue\ntest:\n\ttrue\n' })).toEqual(['make', 'make test', 'none']);
  expect(await found(script('echo "Error: no test specified" && exit 1'))).toBeUndefined();
  expect(await found({})).toBeUndefined();
});
