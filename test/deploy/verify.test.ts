import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { send } from '../../servers/deploy/verify/check.ts';
import { checkProduct } from '../../servers/deploy/verify/product.ts';

async function serving(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const never = new AbortController().signal;
const json = (schema: object) => ({ 'application/json': { schema } });
const answers = (status: number, content = {}) => ({ responses: { [status]: { content } } });
const id = { name: 'id', in: 'path', required: true, schema: { type: 'integer', minimum: 1 } };

const DOCUMENT = {
  openapi: '3.1.0',
  paths: {
    '/text': { get: answers(200, json({})) },
    '/gone': { get: answers(200) },
    '/things': {
      post: {
        requestBody: { $ref: '#/components/requestBodies/Thing' },
        responses: { '2XX': { content: json({}) } },
      },
      delete: answers(204),
    },
    '/things/{id}': { parameters: [id], get: answers(200), delete: answers(204) },
  },
  components: {
    requestBodies: { Thing: { content: json({ $ref: '#/components/schemas/Thing' }) } },
    schemas: {
      Thing: {
        type: 'object',
        required: ['name', 'size'],
        properties: {
          id: { type: 'integer', readOnly: true },
          name: { type: 'string', minLength: 30, maxLength: 40 },
          size: { type: 'integer', minimum: 3 },
          kind: { enum: ['big', 'small'] },
          mail: { type: ['null', 'string'], format: 'email' },
        },
      },
    },
  },
};

test('calls what a description names, with payloads it accepts, and harms no data', async () => {
  const seen: string[] = [];
  const origin = await serving((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      seen.push(`${request.method} ${request.url} ${body}`.trim());
      expect(request.headers['x-millwright-verification']).toBe('1');
      const type = request.url === '/text' ? 'text/plain' : 'application/json';
      const status = /^\/(gone|things\/|$)/.test(request.url ?? '')
        ? 404
        : request.method === 'POST'
          ? 201
          : 200;
      response
        .writeHead(status, { 'content-type': type })
        .end(request.url === '/openapi.json' ? JSON.stringify(DOCUMENT) : '{}');
    });
  });

  const checks = await checkProduct(origin, never);

  expect(
    checks.map(({ method, path, status, ok, why }) => `${method} ${path} ${status} ${ok} ${why}`),
  ).toEqual([
    'GET /openapi.json 200 true as promised',
    'GET /text 200 false content type text/plain instead of application/json',
    'GET /gone 404 false a status that is not declared',
    'POST /things 201 true as promised',
    'DELETE /things 0 true not called: it could change data that is not ours',
    'GET /things/1 404 true as promised',
    'DELETE /things/2147483647 404 true as promised',
  ]);
  const posted = seen.find((line) => line.startsWith('POST')) ?? '';
  expect(JSON.parse(posted.slice('POST /things '.length))).toEqual({
    name: 'Millwright verification.......',
    size: 3,
    kind: 'big',
    mail: 'verification@example.com',
  });
  expect(seen.filter((line) => line.startsWith('DELETE'))).toEqual(['DELETE /things/2147483647']);
});

const shop = {
  openapi: '3.1.0',
  security: [{ key: [] }],
  paths: {
    '/open': { get: { security: [], ...answers(200, json({ type: 'array', items: { $ref: '#/thing' } })) } },
    '/maybe': { get: { security: [{}, { key: [] }], ...answers(200) } },
    '/mine': { get: answers(200, json({})) },
    '/theirs': { get: answers(200, json({})) },
  },
  thing: {
    type: 'object',
    required: ['id', 'kind'],
    additionalProperties: false,
    properties: {
      id: { type: 'integer' },
      kind: { enum: ['big', 'small'] },
      note: { type: ['string', 'null'] },
      of: { oneOf: [{ type: 'string' }, { $ref: '#/thing' }] },
    },
  },
};
const whole = { id: 1, kind: 'big', note: null, of: { id: 2, kind: 'small' } };

test.each([
  [[whole], undefined],
  [[whole, { ...whole, id: '2' }], 'body[1].id is string instead of integer'],
  [[{ id: 1 }], 'body[0].kind is missing'],
  [[{ ...whole, kind: 'huge' }], 'body[0].kind is none of the values that are declared'],
  [[{ ...whole, more: 1 }], 'body[0].more is not declared'],
  [[{ ...whole, note: 3 }], 'body[0].note is number instead of string or null'],
  [[{ ...whole, of: { id: 'x', kind: 'big' } }], 'body[0].of has none of the shapes that are declared'],
  [{}, 'body is object instead of array'],
])(
  'an answer has the shape that the description says, and what is for members only is refused to others: %j',
  async (body, fault) => {
    const origin = await serving((request, response) => {
      const closed = request.url === '/mine';
      const text = request.url === '/openapi.json' ? shop : request.url === '/open' ? body : {};
      const status = request.url === '/' ? 404 : closed ? 401 : 200;
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(text));
    });

    const checks = await checkProduct(origin, never);

    expect(checks.map(({ path, ok, why }) => [path, ok, why])).toEqual([
      ['/openapi.json', true, 'as promised'],
      ['/open', fault === undefined, fault ?? 'as promised'],
      ['/maybe', true, 'as promised'],
      ['/mine', true, 'as promised'],
      ['/theirs', false, 'it answers without credentials'],
    ]);
  },
);

test('without a description the front page and its own links are the promise', async () => {
  const page =
    '<a href="/a?x=1&amp;y=2">a</a> <img src="b.png"> <a href="https://example.com/">x</a> <a href="#top">t</a>';
  const origin = await serving((request, response) => {
    if (request.url === '/openapi.json') return response.writeHead(404).end();
    if (request.url === '/b.png') return response.writeHead(500).end();
    return response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(page);
  });

  const checks = await checkProduct(origin, never);

  expect(checks.map(({ path, ok }) => `${path} ${ok}`)).toEqual([
    '/ true',
    '/a?x=1&y=2 true',
    '/b.png false',
  ]);
});

test.each([
  ['fails', 500, 'boom'],
  ['is no JSON', 200, '{'],
  ['is no description', 200, '{"openapi":"3.1.0"}'],
  ['is an older one without paths', 200, '{"swagger":"2.0","paths":1}'],
])('a description that %s does not hold', async (_, status, body) => {
  const origin = await serving((request, response) =>
    response
      .writeHead(request.url === '/openapi.json' ? status : 200, { 'content-type': 'text/html' })
      .end(body),
  );

  expect((await checkProduct(origin, never))[0]).toMatchObject({ path: '/openapi.json', ok: false });
});

test.each([
  ['{"ok":true}', 'application/json'],
  ['[]', 'application/json'],
  ['"hello"', 'application/json'],
  ['<p>page</p>', 'text/html'],
])('a product that answers every path with %s has no description, and it is said', async (body, type) => {
  const origin = await serving((_, response) => response.writeHead(200, { 'content-type': type }).end(body));
  expect(await checkProduct(origin, never)).toEqual([
    {
      method: 'GET',
      path: '/openapi.json',
      status: 200,
      ok: true,
      why: 'no "openapi" in it: taken as if there were none',
    },
    { method: 'GET', path: '/', status: 200, ok: true, why: 'as promised' },
  ]);
});

test('nothing but this machine is called, and a redirect is not followed', async () => {
  await expect(send('https://example.com', { method: 'GET', path: '/' }, never)).rejects.toThrow(RangeError);
  const origin = await serving((_, response) =>
    response.writeHead(302, { location: 'https://example.com/' }).end(),
  );
  await expect(send(origin, { method: 'GET', path: '//example.com/' }, never)).rejects.toThrow(RangeError);
  expect(await send(origin, { method: 'GET', path: '/' }, never)).toMatchObject({ status: 302 });
  const closed = await send('http://127.0.0.1:1', { method: 'GET', path: '/' }, never);
  expect(closed.status).toBe(0);
});
