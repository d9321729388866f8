import assert from 'node:assert/strict';
import { test } from 'node:test';
import { byId } from './stations.mjs';

test('finds a station', () => assert.equal(byId('jazz').name, 'Night Train'));
test('knows no other', () => assert.equal(byId('rock'), undefined));
