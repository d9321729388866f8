import { expect, test } from 'vitest';
import { diceOf, textMatching } from '../../../servers/qa/probe/pattern.ts';

test.each([
  '^\\d{4}$',
  '^[A-Z]{3}-\\d{4}$',
  '^(?:GC|GV)-[0-9A-F]{4}(-[0-9A-F]{4}){2}$',
  '^[a-f\\d]{8}-[a-f\\d]{4}$',
  '^\\+?[1-9]\\d{6,14}$',
  '^[\\w.+-]+@[\\w-]+\\.[a-z]{2,}$',
  '^(?<kind>cash|card):[^:\\s]{1,10}$',
  '^v\\d+\\.\\d+(\\.\\d+)?$',
])('%s', (pattern) => {
  const texts = ['one', 'two', 'three'].map((word) => textMatching(pattern, diceOf(word)));
  for (const text of texts) expect(text).toMatch(new RegExp(pattern, 'u'));
  expect(new Set(texts).size).toBeGreaterThan(1);
  expect(textMatching(pattern, diceOf('one'))).toBe(texts[0]);
});

test.each(['^(?=x)y$', '(', '^(a)\\1b$'])('%s is not understood, and that is said', (pattern) => {
  expect(textMatching(pattern, diceOf('one'))).toBeUndefined();
});
