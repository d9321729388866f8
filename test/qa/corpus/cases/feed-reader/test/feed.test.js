import assert from 'node:assert/strict';
import { test } from 'node:test';
import { titles } from '../src/feed.js';

test('two items', () => assert.deepEqual(titles('<item><title>A</title></item><item><title> B </title></item>'), ['A', 'B']));
test('none', () => assert.deepEqual(titles('<rss/>'), []));
