import assert from 'node:assert/strict';
import { test } from 'node:test';
import { add, fraction } from '../src/fraction.js';

test('lowest terms', () => assert.deepEqual(fraction(6, 8), { top: 3, bottom: 4 }));
test('adds', () => assert.deepEqual(add(fraction(1, 2), fraction(1, 3)), { top: 5, bottom: 6 }));
test('keeps the sign above', () => assert.deepEqual(fraction(1, -2), { top: -1, bottom: 2 }));
