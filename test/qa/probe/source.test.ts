import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { readSources } from '../../../servers/qa/probe/source/read.ts';

/** What is read of a product of these files, a line for each route. */
async function read(files: Record<string, string>): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'millwright-source-'));
  try {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), text);
    }
    const inputs = await readSources(folder);
    return inputs
      .map(({ method, path, encoding, fields }) =>
        `${method} ${path} ${encoding} ${fields.map(({ name, place, type }) => `${place}:${name}:${type}`).join(' ')}`.trim(),
      )
      .sort();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

test('the table of Hono, with base paths, mounted routers, validators and parameters', async () => {
  const found = await read({
    'src/index.ts': `import { Hono } from 'hono'; import orders from './orders.ts'; import { zValidator } from '@hono/zod-validator'; import * as z from 'zod';
      const app: Hono = new Hono(); const api = new Hono().basePath('/v1'); app.route('/orders', orders);
      const pay = z.object({ amount: z.number().min(1), note: z.string() });
      api.post('/pay', zValidator('json', pay), (c) => c.json(c.req.valid('json')));
      app.get('/find', (c) => c.text(c.req.query('q') ?? '')); export default app;`,
    'src/orders.ts': `import { Hono } from 'hono'; const orders = new Hono()
      .get('/', (c) => c.json([])).get('/:id{[0-9]+}', (c) => c.json({}))
      .post('/', async (c) => { const { sku, quantity } = await c.req.json(); return c.json({ sku, quantity }); })
      .delete('/:id', (c) => c.body(null, 204)); export default orders;`,
  });
  expect(found).toEqual([
    'DELETE /orders/{id} none path:id:text',
    'GET /find none query:q:text',
    'GET /orders none',
    'GET /orders/{id} none path:id:text',
    'POST /orders json body:sku:text body:quantity:number',
    'POST /v1/pay json body:amount:number body:note:text',
  ]);
});

test('handlers that compare paths themselves', async () => {
  const found = await read({
    'server.mjs': `import { createServer } from 'node:http';
      createServer(async (req, res) => {
        const url = new URL(req.url, 'http://x');
        if (url.pathname === '/login' && req.method === 'POST') { const body = await readJson(req); return end(res, body.email + body.password); }
        const match = url.pathname.match(/^\\/items\\/(\\d+)$/);
        if (match && req.method === 'DELETE') return end(res, match[1]);
        if (url.pathname.startsWith('/files/')) return end(res, url.searchParams.get('as'));
        switch (req.method + ' ' + url.pathname) { case 'PUT /me': return end(res, ''); }
      }).listen(process.env.PORT);`,
  });
  expect(found).toEqual([
    'DELETE /items/{id} none path:id:text',
    'GET /files/{id} none path:id:text query:as:text',
    'POST /login json body:email:email body:password:password',
    'PUT /me none',
  ]);
});

test("Next's folders are its table", async () => {
  const found = await read({
    'app/(shop)/api/orders/[id]/route.ts':
      'export async function PATCH(request: Request) { const { status } = await request.json(); return Response.json({ status }); }\nexport const GET = () => Response.json({});',
    'pages/api/hello.ts':
      "export default function handler(req, res) { if (req.method === 'POST') return res.json(req.body.name); res.json({}); }",
  });
  expect(found).toEqual([
    'GET /api/hello none',
    'GET /api/orders/{id} none path:id:text',
    'PATCH /api/orders/{id} json path:id:text body:status:text',
    'POST /api/hello json body:name:text',
  ]);
});

test('what is no code, tests and packages are left alone', async () => {
  expect(
    await read({
      'src/a.ts': 'const x = <div>',
      'node_modules/x/index.js': "app.get('/x', () => 1)",
      'test/a.test.ts': "app.get('/y', () => 1)",
    }),
  ).toEqual([]);
});
