import { expect, test } from 'vitest';
import { evidenceOf, resultOf } from '../../servers/core/evidence.ts';
import { readDefinition } from '../../servers/core/factory/create.ts';
import { parseDefinition } from '../../servers/core/factory/parse.ts';
import { canonicalJson, sha256Hex } from '../../servers/core/signing/canonical.ts';

const { factory } = parseDefinition(await readDefinition('c-suite'));
const of = { gate: 'smoke' as const, commit: 'c'.repeat(40), tree: 't'.repeat(40), factory, ms: 5 };
const passed = { passed: true, why: '3 tests passed', log: 'ok', exit: 0, engine: 'e', dependencies: null };

test.each([
  ['full', 'full', true],
  ['full', 'partial', false],
  ['full', 'none', false],
  ['partial', 'partial', true],
  ['partial', 'none', false],
  ['none', 'none', true],
] as const)('a factory that asks for %s: what ran with %s closes: %s', (asked, isolation, closed) => {
  const result = resultOf({ ...of, factory: { ...factory, isolation: asked } }, { ...passed, isolation });

  expect(result.closed).toBe(closed);
  if (!closed)
    expect(result.why).toBe(`it ran with isolation ${isolation}, and the factory asks for ${asked}`);
});

test('the digest covers every part of the evidence, and the evidence covers the log', () => {
  const result = resultOf(of, { ...passed, isolation: 'full' });
  const evidence = evidenceOf(result);
  const others = [
    resultOf({ ...of, commit: 'd'.repeat(40) }, { ...passed, isolation: 'full' }),
    resultOf({ ...of, tree: 'd'.repeat(40) }, { ...passed, isolation: 'full' }),
    resultOf({ ...of, gate: 'scan' }, { ...passed, isolation: 'full' }),
    resultOf(of, { ...passed, isolation: 'full', exit: 1 }),
    resultOf(of, { ...passed, isolation: 'full', passed: false }),
    resultOf(of, { ...passed, isolation: 'full', log: 'other' }),
    resultOf(of, { ...passed, isolation: 'full', engine: 'other' }),
    resultOf(of, { ...passed, isolation: 'full', dependencies: 'd'.repeat(64) }),
  ];

  expect(result.digest).toBe(sha256Hex(canonicalJson({ ...evidence })));
  expect(evidence.logDigest).toBe(sha256Hex(result.log));
  expect(new Set([result, ...others].map(({ digest }) => digest)).size).toBe(9);
});

test('a log without end is kept in its beginning and its end', () => {
  const { log } = resultOf(of, { ...passed, isolation: 'full', log: `first${'x'.repeat(900_000)}last` });

  expect(log.length).toBeLessThan(61_000);
  expect(log).toMatch(/^3 tests passed\n\nfirst/);
  expect(log).toMatch(/last$/);
});
