import assert from 'node:assert/strict';
import { test } from 'node:test';
import { roll } from '../src/dice.js';

test('one die shows 1 to 6', () => {
  const value = roll(1);
  assert.ok(value >= 1 && value <= 6);
});

test('rolls follow the numbers they are given', () => {
  const given = [0, 0.5, 0.99];
  assert.equal(roll(3, () => given.shift()), 1 + 4 + 6);
});

test('many rolls are near the mean', () => {
  let state = 42;
  const seeded = () => (state = (state * 16807) % 2147483647) / 2147483647;
  assert.ok(Math.abs(roll(10_000, seeded) / 10_000 - 3.5) < 0.1);
});
