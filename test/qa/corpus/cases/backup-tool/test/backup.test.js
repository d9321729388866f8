import assert from 'node:assert/strict';
import { test } from 'node:test';
import { size } from '../src/backup.js';

test('measures a folder', () => assert.match(size('src'), /^\d+\s+src$/));
