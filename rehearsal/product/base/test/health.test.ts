import assert from 'node:assert/strict';
import { test } from 'node:test';
import app from '../src/index.ts';

test('says that it is up', async () => {
  const response = await app.request('/health');

  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), { ok: true });
});
