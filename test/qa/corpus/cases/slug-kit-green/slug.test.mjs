import assert from 'node:assert/strict';
import { test } from 'node:test';
import { slug } from './slug.mjs';

test('writes what failed elsewhere', (t) => t.diagnostic('not ok 1 - Error: FAIL is only a word here'));
test.skip('Turkish', { skip: 'waits for a decision on the dotless i' }, () => {});
test('umlauts', () => assert.equal(slug('Über Öl'), 'ueber-oel'));
test('sharp s', () => assert.equal(slug('Füße & Füchse'), 'fuesse-fuechse'));
