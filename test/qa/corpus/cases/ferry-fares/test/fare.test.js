import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fare } from '../src/fare.js';

test('a grown-up pays 8.00', () => assert.equal(fare([40]), 800));
test('children under 6 are free', () => assert.equal(fare([40, 5, 2]), 800));
