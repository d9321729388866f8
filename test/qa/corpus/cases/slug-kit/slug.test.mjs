import assert from 'node:assert/strict';
import { test } from 'node:test';
import { slug } from './slug.mjs';

test('umlauts', () => assert.equal(slug('Über Öl'), 'ueber-oel'));
test('sharp s', () => assert.equal(slug('Füße & Füchse'), 'fuesse-fuechse'));
