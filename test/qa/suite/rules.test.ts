import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import * as z from 'zod';
import { scanPackages } from '../../../servers/qa/scan/packages.ts';
import { loosePins, secretsIn } from '../../../servers/qa/scan/scan.ts';
import { patternsIn } from '../../../servers/qa/sources/patterns.ts';
import { coverageOf } from '../../../servers/qa/suite/coverage.ts';
import { mutantsOf } from '../../../servers/qa/suite/mutants.ts';

/** Shapes of code by the rule that finds them, and sound ones that look alike. */
const { bad: BAD, sound: SOUND } = z
  .object({ bad: z.array(z.tuple([z.string(), z.string()])), sound: z.array(z.string()) })
  .parse(JSON.parse(await readFile(new URL('./shapes.json', import.meta.url), 'utf8')));

test('each rule finds its shape of code, and none of the sound ones', () => {
  for (const [rule, source] of BAD)
    expect(patternsIn('src/a.ts', `// first\n${source}`), source).toEqual([
      expect.objectContaining({ rule, line: 2 }),
    ]);
  for (const source of SOUND) expect(patternsIn('src/a.ts', source), source).toEqual([]);
  expect(patternsIn('a.js', '// qa-allow: eval the text is our own\neval(x);')).toEqual([]);
  expect(patternsIn('a.js', '// qa-allow: eval\neval(x);')).toHaveLength(1);
});

test('lockfiles tell licences and known faults, sources tell credentials and loose versions', () => {
  const lock = {
    packages: {
      '': { license: 'MIT' },
      'node_modules/lodash': { version: '4.17.20', license: 'MIT' },
      'node_modules/viral': { version: '1.0.0', license: 'AGPL-3.0-only' },
      'node_modules/dual': { version: '1.0.0', license: '(MIT OR GPL-3.0)' },
      'node_modules/a/node_modules/minimist': { version: '1.2.8', license: 'MIT' },
    },
  };
  const { findings, licences } = scanPackages('package-lock.json', JSON.stringify(lock));
  expect(findings.map((finding) => [finding.class, finding.where])).toEqual([
    ['vulnerable-dependency', 'package-lock.json: lodash@4.17.20'],
    ['licence', 'package-lock.json: viral@1.0.0'],
  ]);
  expect(licences[0]).toEqual({ licence: 'MIT', packages: 2 });
  const key = ['AKIA', 'Q3EGRDJ7XOVW5PZT'].join('');
  expect(secretsIn(new Map([['src/a.ts', Buffer.from(`const key = '${key}';`)]]))).toEqual([
    expect.objectContaining({ class: 'secret', where: 'src/a.ts:1' }),
  ]);
  const loose = loosePins(new Map([['package.json', '{"dependencies":{"hono":"^4.0.0"}}']]));
  expect(loose.map((finding) => finding.class)).toEqual(['unpinned', 'unpinned']);
});

test('a changed line ran when its innermost range was counted in any process', () => {
  const text = 'function a() {\n  return 1;\n}\nif (x) {\n  b();\n}\n';
  const at = (part: string) => text.indexOf(part);
  const range = (startOffset: number, endOffset: number, count: number) => ({
    startOffset,
    endOffset,
    count,
  });
  const functions = [
    { ranges: [range(0, text.length, 1), range(at('{\n  b'), text.length - 1, 0)] },
    { ranges: [range(0, at('}\n') + 1, 0)] },
  ];
  const report = JSON.stringify({ result: [{ url: 'file:///job/src/a.js', functions }] });
  const changed = new Map([
    ['src/a.js', new Set([2, 3, 4, 5])],
    ['test/a.test.js', new Set([1])],
  ]);
  expect(coverageOf([report, 'broken'], changed, () => text)).toEqual({
    measured: true,
    lines: 3,
    covered: 1,
    missed: ['src/a.js:2', 'src/a.js:5'],
  });
});

test('mutants stay within the lines that were named', () => {
  const source = 'const a = 1;\nexport const f = (n: number) => n >= 3 && n < 9;\n';
  expect(mutantsOf('a.ts', source, new Set([2])).map(({ what }) => what)).toEqual([
    '`>=` became `<`',
    '`3` became `0`',
    '`&&` became `||`',
    '`<` became `>=`',
    '`9` became `0`',
  ]);
});
