import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compute } from '../src/cells.js';

test('text stays', () => assert.equal(compute('Rent', {}), 'Rent'));
test('computes', () => assert.equal(compute('=A1+2*B1', { A1: '1', B1: '3' }), 7));
test('empty cells are 0', () => assert.equal(compute('=C9+1', {}), 1));
