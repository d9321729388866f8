import { expect, test } from 'vitest';
import { compare, p95, wilson } from '../../servers/deploy/health/judge.ts';
import { thresholds, thresholdsIn } from '../../servers/deploy/health/thresholds.ts';
import { nextStep, sharesOf } from '../../servers/deploy/steps.ts';

const LIMITS = thresholds.parse({});
const numbers = (requests: number, errors: number, latencyMs: number[] = []) => ({
  requests,
  errors,
  latencyMs,
});
const verdict = (...given: [number, number, number, number]) =>
  compare(numbers(given[0], given[1]), numbers(given[2], given[3]), LIMITS).verdict;

test('the bounds are those of the score interval', () => {
  expect(wilson(0, 60).upper).toBeCloseTo(0.0431, 3);
  expect(wilson(0, 60).lower).toBeCloseTo(0, 12);
  expect(wilson(10, 10).lower).toBeCloseTo(0.787, 3);
  expect(wilson(0, 0)).toEqual({ lower: 0, upper: 1 });
  expect(p95(Array.from({ length: 100 }, (_, at) => at + 1))).toBe(95);
});

test.each([
  [0, 0, 60, 0, 'open'],
  [59, 0, 60, 0, 'open'],
  [60, 0, 60, 0, 'good'],
  [60, 1, 60, 0, 'open'],
  [240, 1, 240, 0, 'good'],
  [1, 1, 60, 0, 'open'],
  [3, 3, 60, 0, 'bad'],
  [60, 12, 60, 0, 'bad'],
  [60, 12, 60, 20, 'good'],
  [60, 20, 60, 6, 'bad'],
] as const)('%i requests, %i failed, against %i and %i: %s', (n, k, others, failed, expected) => {
  expect(verdict(n, k, others, failed)).toBe(expected);
});

test('a version is slow when surely more than one answer in twenty is, and not for being slow where both are', () => {
  const fast = Array.from({ length: 60 }, () => 20);
  const slow = fast.map((ms, at) => (at % 4 === 0 ? 900 : ms));
  const judged = (fresh: number[], current: number[]) =>
    compare(numbers(60, 0, fresh), numbers(60, 0, current), LIMITS);
  expect(judged(slow, fast)).toMatchObject({ verdict: 'bad', why: expect.stringContaining('over 500 ms') });
  expect(judged(slow, slow).verdict).toBe('good');
  expect(judged(fast.with(0, 900), fast).verdict).toBe('good');
});

test('steps come in order, and a product that serves nothing has no canary', () => {
  expect(nextStep('staging', false)).toBe('canary-10');
  expect(nextStep('staging', true)).toBe('production');
  expect(nextStep('production', false)).toBeUndefined();
  expect(sharesOf('canary-10', 'new', 'old')).toEqual([
    { version: 'old', percent: 90 },
    { version: 'new', percent: 10 },
  ]);
  expect(sharesOf('production', 'new', 'old')).toEqual([{ version: 'new', percent: 100 }]);
});

test('thresholds come from infra.yaml, with defaults; what is not understood is refused', () => {
  expect(thresholdsIn(undefined)).toEqual(LIMITS);
  expect(thresholdsIn('product: shop\nhealth: {sample: 100}\n')).toEqual({ ...LIMITS, sample: 100 });
  expect(() => thresholdsIn('health: {error_rate: 2}')).toThrow('infra.yaml is wrong at health.error_rate');
  expect(() => thresholdsIn('health: {off: true}')).toThrow('infra.yaml is wrong at health');
  expect(() => thresholdsIn('a: [')).toThrow('not valid YAML');
});
