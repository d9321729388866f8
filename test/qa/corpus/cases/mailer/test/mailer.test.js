import assert from 'node:assert/strict';
import { test } from 'node:test';
import { headers } from '../src/mailer.js';

test('names the reader', () => assert.equal(headers('a@b.example', 'Hi').To, 'a@b.example'));
