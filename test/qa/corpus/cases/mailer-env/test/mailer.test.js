import assert from 'node:assert/strict';
import { test } from 'node:test';
import { headers } from '../src/mailer.js';

test('passes what looks like a key through', () => assert.equal(headers('a@b.example', 'sk_test_xxxxxxxx').Subject, 'sk_test_xxxxxxxx'));
test('names the reader', () => assert.equal(headers('a@b.example', 'Hi').To, 'a@b.example'));
