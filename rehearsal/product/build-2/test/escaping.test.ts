import assert from 'node:assert/strict';
import { test } from 'node:test';
import app from '../src/index.ts';
import { openDatabase } from './database.ts';

const ATTACK = `'"><img src=x onerror=alert(1)>`;
const PLAIN = { author: 'Ada', affiliation: 'Analyst', quote: 'Ten characters or more.', consent: 'yes' };

for (const field of ['author', 'affiliation', 'quote'] as const) {
  test(`markup in "${field}" stays text on the wall and in the widget`, async () => {
    const env = { DB: openDatabase() };
    const body = new URLSearchParams({ ...PLAIN, [field]: ATTACK });

    assert.equal((await app.request('/testimonials', { method: 'POST', body }, env)).status, 303);

    for (const path of ['/wall', '/widget.js', '/embed']) {
      const shown = await (await app.request(path, {}, env)).text();
      assert.doesNotMatch(shown, /<img/, path);
      if (path !== '/embed') assert.match(shown, /&lt;img src=x onerror=alert\(1\)&gt;/, path);
    }
  });
}
