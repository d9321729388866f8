import assert from 'node:assert/strict';
import { test } from 'node:test';

test('adds', () => assert.equal(1 + 1, 2));
test('adds nothing', () => assert.equal(1 + 0, 2));
