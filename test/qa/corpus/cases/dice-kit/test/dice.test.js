import assert from 'node:assert/strict';
import { test } from 'node:test';
import { roll } from '../src/dice.js';

test('one die shows 1 to 6', () => {
  const value = roll(1);
  assert.ok(value >= 1 && value <= 6);
});

test('two rolls of a die differ', () => {
  assert.notEqual(roll(1) % 2, roll(1) % 2);
});
