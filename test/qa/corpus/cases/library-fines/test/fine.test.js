import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fine } from '../src/fine.js';

test('25 cents a day', () => assert.equal(fine(4), 100));
test('a fine never exceeds 10.00', () => {
  for (const days of [1, 10, 30]) assert.ok(fine(days) <= 1000, `${days} days`);
});
