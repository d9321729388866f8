import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chart } from '../src/chart.js';

test('half is half', () => assert.equal(chart([['a', 2], ['b', 1]]), `a        ${'#'.repeat(20)}\nb        ${'#'.repeat(10)}`));
