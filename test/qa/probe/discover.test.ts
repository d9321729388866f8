import { expect, test } from 'vitest';
import { discover } from '../../../servers/qa/probe/discover.ts';
import type { Exchange, HttpRequest } from '../../../servers/qa/probe/types.ts';

/** What is found on a product that answers with these, JSON or HTML, and 404 to everything else. */
async function found(answers: Record<string, unknown>): Promise<string[]> {
  const send = async (request: HttpRequest): Promise<Exchange> => {
    const body = answers[request.path.replace(/\?.*$/, '')];
    const isPage = typeof body === 'string';
    return {
      request,
      status: body === undefined ? 404 : 200,
      headers: { 'content-type': isPage ? 'text/html' : 'application/json' },
      body: isPage ? body : JSON.stringify(body ?? {}),
      ms: 1,
    };
  };
  const { inputs } = await discover('http://127.0.0.1:8787', { inputs: [] }, send);
  return inputs.map(
    ({ method, path, fields }) =>
      `${method} ${path} ${fields.map(({ name, examples = [] }) => `${name}=${examples.slice(0, 2)}`)}`,
  );
}

test('addresses of members are a way to read one of many, by an id of any kind', async () => {
  expect(
    await found({
      '/': '<a href="/boats">boats</a> <a href="/log/7">today</a>',
      '/boats': [{ id: 'anna-maria', href: '/boats/anna-maria' }],
      '/log/7': { next: '/log/8', keel: '/keels/3f2b8c1e-5d4a-4b6f-9a7e-0c1d2e3f4a5b' },
    }),
  ).toEqual([
    'GET /log/{id} id=7,8',
    'GET /boats/{id} id=anna-maria',
    expect.stringMatching(/^GET \/keels\/\{id\} id=3f2b8c1e-5d4a-4b6f-9a7e-0c1d2e3f4a5b/),
  ]);
});

test('words that somebody chose for a page are no members, and a route that is known is not told twice', async () => {
  expect(await found({ '/': '<a href="/about/us">us</a><a href="/style/2.css">x</a>' })).toEqual([]);
  const api = { openapi: '3.1.0', paths: { '/boats/{boat}': { get: { parameters: [] } } } };
  const known = await found({ '/': { one: '/boats/4' }, '/openapi.json': api });
  expect(known).toEqual([expect.stringContaining('GET /boats/{boat}')]);
});

test('the fields that a product says a route takes, in its own words', async () => {
  const how = 'POST /berths {name, metres: number}, then PUT /berths/:name {ship}; GET /berths/:name {x}';
  expect(await found({ '/': { how } })).toEqual([
    'POST /berths name=,metres=',
    expect.stringMatching(/^PUT \/berths\/\{name\} name=.*,ship=/),
    expect.stringMatching(/^GET \/berths\/\{name\} name=[^,]*$/),
  ]);
});
