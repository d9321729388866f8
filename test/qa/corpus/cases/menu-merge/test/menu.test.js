import assert from 'node:assert/strict';
import { test } from 'node:test';
import { menu } from '../src/menu.js';

test('the day wins', () => assert.deepEqual(menu({ soup: 'leek', fish: 'cod' }, { soup: 'pea', fish: null }), { soup: 'pea' }));
