import assert from 'node:assert/strict';
import { test } from 'node:test';
import app from '../src/index.ts';
import { openDatabase } from './database.ts';

const get = (path: string) => app.request(path, {}, { DB: openDatabase() });

test('every page is there, and carries its security headers', async () => {
  for (const path of ['/', '/wall', '/embed', '/nowhere']) {
    const response = await get(path);

    assert.equal(response.status, path === '/nowhere' ? 404 : 200, path);
    assert.match(
      response.headers.get('content-security-policy') ?? '',
      /default-src 'none'.*frame-ancestors 'none'/,
    );
    assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
  }
});

test('every control has a label', async () => {
  const shown = await (await get('/')).text();
  const controls = [...shown.matchAll(/<(?:input|textarea)[^>]* id="([^"]+)"/g)].map((match) => match[1]);

  assert.equal(controls.length, 4);
  for (const id of controls) assert.ok(shown.includes(`for="${id}"`), id);
});

test('the description of the API names the routes that answer', async () => {
  const { paths } = (await (await get('/openapi.json')).json()) as { paths: object };

  for (const path of Object.keys(paths)) assert.equal((await get(path)).status, 200, path);
});

test('other sites may load the widget and the API', async () => {
  assert.equal((await get('/widget.js')).headers.get('cross-origin-resource-policy'), 'cross-origin');
  assert.equal((await get('/api/testimonials')).headers.get('access-control-allow-origin'), '*');
});
