import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { readSources } from '../../../servers/qa/probe/source/read.ts';
import { validValues } from '../../../servers/qa/probe/values.ts';

/** What `use` makes of a folder with these files. */
async function inFolder<T>(files: Record<string, string>, use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'millwright-source-'));
  try {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), text);
    }
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What is read of a product of these files, a line for each route. */
async function read(files: Record<string, string>): Promise<string[]> {
  const inputs = await inFolder(files, readSources);
  return inputs
    .map(({ method, path, encoding, fields }) =>
      `${method} ${path} ${encoding} ${fields.map(({ name, place, type }) => `${place}:${name}:${type}`).join(' ')}`.trim(),
    )
    .sort();
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

/** The body that would be sent to one route of these files. */
async function bodyFor(files: Record<string, string>, route: string): Promise<Record<string, unknown>> {
  const inputs = await inFolder(files, readSources);
  const input = inputs.find(({ method, path }) => `${method} ${path}` === route);
  if (!input) throw new Error(`${route} is not among ${inputs.map(({ path }) => path)}`);
  return { ...validValues(input, 'q1tagx'), encoding: input.encoding };
}

test('what a plain handler asks of a body that a helper reads and another function checks', async () => {
  const files = {
    'server.mjs': `import http from 'node:http';
      const FORM = /^[A-Z]{2}-\\d{5}$/; const LANES = ['north', 'south']; const MOST = 400;
      async function receive(req) { let text = ''; for await (const part of req) text += part; return JSON.parse(text); }
      const isLane = (lane) => LANES.includes(lane);
      function board(res, cargo) {
        const { permit, lane, tons } = cargo;
        if (typeof permit !== 'string' || !FORM.test(permit)) return refuse(res);
        if (!isLane(lane) || !Number.isInteger(tons) || tons < 3 || tons > MOST) return refuse(res);
        if (!Array.isArray(cargo.crates)) return refuse(res);
        for (const crate of cargo.crates) if (typeof crate.label !== 'string' || crate.amount < 1) return refuse(res);
      }
      http.createServer(async (req, res) => {
        if (req.method === 'POST' && req.url === '/ferry') { const cargo = await receive(req); return board(res, cargo); }
      }).listen(process.env.PORT);`,
  };
  expect(await bodyFor(files, 'POST /ferry')).toEqual({
    encoding: 'json',
    permit: expect.stringMatching(/^[A-Z]{2}-\d{5}$/),
    lane: 'north',
    tons: 3,
    crates: [{ label: 'word', amount: 1 }],
  });
});

test('what a Hono handler asks, by a schema', async () => {
  const files = {
    'src/index.ts': `import { Hono } from 'hono'; import * as z from 'zod'; const app = new Hono();
      const Slip = z.object({ pier: z.string().regex(/^P\\d{3}$/), kind: z.enum(['sail', 'motor']), nights: z.number().int().min(2),
        guests: z.array(z.object({ name: z.string(), age: z.number() })) });
      app.post('/slips', async (c) => { const parsed = Slip.safeParse(await c.req.json()); return c.json(parsed.data, 201); });
      export default app;`,
  };
  expect(await bodyFor(files, 'POST /slips')).toEqual({
    encoding: 'json',
    pier: expect.stringMatching(/^P\d{3}$/),
    kind: 'sail',
    nights: 2,
    guests: [{ name: 'word', age: 1 }],
  });
});

test('what a form handler asks, and the query of a reader', async () => {
  const files = {
    'app.mjs': `import http from 'node:http'; import { text } from 'node:stream/consumers';
      http.createServer(async (request, response) => {
        const url = new URL(request.url, 'http://x'); const q = url.searchParams;
        if (url.pathname === '/gate' && request.method === 'POST') {
          const form = new URLSearchParams(await text(request));
          const word = String(form.get('word') ?? '').trim();
          if (word.length !== 8 || !/^[a-f0-9]+$/.test(word)) return end(response, 400);
        }
        if (url.pathname === '/mirror') { const source = q.get('source'); if (!source) return end(response, 400); }
      }).listen(process.env.PORT);`,
  };
  expect(await bodyFor(files, 'POST /gate')).toEqual({
    encoding: 'form',
    word: expect.stringMatching(/^[a-f0-9]{8}$/),
  });
  expect(await bodyFor(files, 'GET /mirror')).toMatchObject({ source: expect.any(String) });
});

test('named patterns, URLPattern and tables of routes', async () => {
  const found = await read({
    'src/index.ts': `const LEDGER = /^\\/ledgers\\/(\\d+)$/; const LIST = '/ledgers'; const ENTRY = new URLPattern({ pathname: '/ledgers/:ledger/entries' });
      const closed = (request) => new Response(null);
      const table = [['PUT', /^\\/seals\\/([a-z-]+)$/, closed], { method: 'DELETE', path: '/seals/:seal', handler: closed }];
      export default { async fetch(request) {
        const { pathname } = new URL(request.url);
        if (pathname === LIST) return Response.json([]);
        const ledger = LEDGER.exec(pathname);
        if (ledger) { if (request.method === 'PATCH') return Response.json({}); return Response.json(ledger[1]); }
        if (request.method === 'POST' && ENTRY.test(request.url)) { const { sum } = await request.json(); return Response.json(sum); }
        return new Response(null, { status: 404 });
      } };`,
  });
  expect(found).toEqual([
    'DELETE /seals/{seal} none path:seal:text',
    'GET /ledgers none',
    'GET /ledgers/{id} none path:id:text',
    'PATCH /ledgers/{id} none path:id:text',
    'POST /ledgers/{ledger}/entries json path:ledger:text body:sum:text',
    'PUT /seals/{id} none path:id:text',
  ]);
});

test('handlers that send away what is not theirs, and bodies read in every spelling', async () => {
  const files = {
    'one.mjs': `import http from 'node:http';
      http.createServer(async (request, response) => {
        const url = new URL(request.url, 'http://x');
        if (url.pathname !== '/tides') return leave(response, 404);
        if (request.method !== 'POST') return leave(response, 405);
        let value; try { value = await readJson(request); } catch { return leave(response, 400); }
        if (!Number.isInteger(value?.metres) || value.metres < 2) return leave(response, 400);
        leave(response, 201);
      }).listen(1);`,
    'two.mjs': `export default { async fetch(request) {
        const { pathname, searchParams } = new URL(request.url);
        const buoy = pathname.match(/^\\/buoys\\/([a-z]+)$/);
        if (!buoy) return new Response(null, { status: 404 });
        if (request.method === 'DELETE') return new Response(null, { status: 204 });
        return Response.json({ colour: searchParams.get('colour') });
      } };`,
    'three.ts': `import { Hono } from 'hono'; const app = new Hono();
      app.post('/knots', async (c) => { const { rope, turns } = (await c.req.json().catch(() => null)) ?? {};
        if (typeof turns !== 'number' || turns < 3) return c.text('no', 400); return c.json({ rope }); }); export default app;`,
  };
  expect(await bodyFor(files, 'POST /tides')).toEqual({ encoding: 'json', metres: 2 });
  expect(await bodyFor(files, 'GET /buoys/{id}')).toMatchObject({ colour: expect.any(String) });
  expect(await bodyFor(files, 'DELETE /buoys/{id}')).toMatchObject({ encoding: 'none' });
  expect(await bodyFor(files, 'POST /knots')).toMatchObject({
    encoding: 'json',
    rope: expect.any(String),
    turns: 3,
  });
});

test('bodies that are kept with a way out, and read before the routes are told apart', async () => {
  const files = {
    'one.ts': `import { Hono } from 'hono'; const app = new Hono();
      const given = async (c: any) => { const body = await c.req.json().catch(() => undefined); const { reef, fathoms } = body ?? {}; return typeof reef === 'string' && fathoms > 1 ? reef : undefined; };
      app.post('/reefs', async (c) => { const reef = await given(c); return reef ? c.json({ reef }) : c.text('no', 422); }); export default app;`,
    'two.js': `const FEES = { short: 4, long: 9 };
      export default { async fetch(request) {
        const { pathname } = new URL(request.url);
        const body = request.method === 'POST' ? await request.json().catch(() => null) : {};
        let form, asked = 0; asked += 1; if (request.method === 'PUT') form = await request.json();
        if (request.method === 'POST' && pathname === '/stays') return Response.json({ fee: Object.hasOwn(FEES, body.kind) ? body.boat : 0 });
        if (request.method === 'PUT' && pathname === '/log') return Response.json(form.entry);
        const sent = isObject(body) ? body : {};
        if (request.method === 'POST' && pathname === '/moorings') { const { chain } = sent || {}; return Response.json({ chain }); }
      } };`,
  };
  expect(await bodyFor(files, 'POST /reefs')).toMatchObject({
    encoding: 'json',
    reef: expect.any(String),
    fathoms: 2,
  });
  expect(await bodyFor(files, 'POST /stays')).toMatchObject({
    encoding: 'json',
    kind: 'short',
    boat: expect.any(String),
  });
  expect(await bodyFor(files, 'PUT /log')).toMatchObject({ encoding: 'json', entry: expect.any(String) });
  expect(await bodyFor(files, 'POST /moorings')).toMatchObject({
    encoding: 'json',
    chain: expect.any(String),
  });
});

test('a match that is taken apart where it is made, with or without a condition on it', async () => {
  const found = await read({
    'one.mjs': `import http from 'node:http';
      http.createServer((request, response) => {
        const [, id] = /^\\/pilots\\/(\\d{1,9})$/.exec(request.url) ?? [];
        const pilot = pilots.get(Number(id));
        return pilot ? send(response, 200, pilot) : send(response, 404);
      }).listen(1);`,
    'two.js': `export default { async fetch(request) {
        const { pathname } = new URL(request.url);
        const [, berth] = pathname.match(/^\\/berths\\/([a-z]+)$/) || [];
        if (berth && request.method === 'DELETE') return new Response(null, { status: 204 });
      } };`,
    'three.js': `export default { fetch(request) {
        const { groups: { ship } = {} } = /^\\/ships\\/(?<ship>\\w+)$/.exec(new URL(request.url).pathname) ?? {};
        return Response.json(ships.find(ship) ?? null);
      } };`,
  });
  expect(found).toEqual([
    'DELETE /berths/{id} none path:id:text',
    'GET /pilots/{id} none path:id:text',
    'GET /ships/{ship} none path:ship:text',
  ]);
});

test('a session that goes out without HttpOnly is seen in the source, and only then', async () => {
  const harbour = (flags: string, more = '') => ({
    'server.mjs': `import http from 'node:http'; const FLAGS = '${flags}';
      const cookieFor = (value) => \`session=\${value}; \${FLAGS}\`;
      http.createServer(async (req, res) => {
        if (req.method === 'POST' && req.url === '/keys') { const { word } = await readJson(req);
          if (hash(word) !== process.env.WORD) return end(res, 401);
          res.writeHead(204, { 'set-cookie': cookieFor(sign(word))${more} }).end(); }
        if (req.url === '/tides') return end(res, 200);
      }).listen(1);`,
  });
  const cookies = async (files: Record<string, string>) =>
    (await inFolder(files, readSources)).map(({ path, openCookie }) => `${path} ${openCookie ?? '-'}`);
  expect(await cookies(harbour('Path=/; Secure'))).toEqual(['/keys session', '/tides -']);
  expect(await cookies(harbour('Path=/; Secure; HttpOnly'))).toEqual(['/keys -', '/tides -']);
  const named = (before: string, call: string, flags: string) => ({
    'server.mjs': `import http from 'node:http'; ${before.replace('FLAGS', flags)};
      http.createServer(async (req, res) => {
        if (req.method === 'POST' && req.url === '/keys') { const { word } = await readJson(req);
          const headers = { 'set-cookie': ${call} }; res.writeHead(204, headers).end(); }
        if (req.method === 'POST' && req.url === '/out') {
          const headers = { 'set-cookie': 'sid=; Max-Age=0; HttpOnly' }; res.writeHead(204, headers).end(); }
      }).listen(1);`,
  });
  for (const [before, call] of [
    [`const NAME = 'sid'; const cookieFor = (value) => \`\${NAME}=\${value}; FLAGS\``, 'cookieFor(word)'],
    [`const bake = (name, value) => \`\${encodeURIComponent(name)}=\${value}; FLAGS\``, "bake('sid', word)"],
    ["const bake = (name, value) => name + '=' + value + '; FLAGS'", "bake('sid', word)"],
  ] as const) {
    expect(await cookies(named(before, call, 'Path=/'))).toEqual(['/keys sid', '/out -']);
    expect(await cookies(named(before, call, 'Path=/; HttpOnly'))).toEqual(['/keys -', '/out -']);
    const theme = named(before.replace("'sid'", "'theme'"), call.replace("'sid'", "'theme'"), 'Path=/');
    expect(await cookies(theme)).toEqual(['/keys -', '/out -']);
  }
  const hono = (options: string) => ({
    'index.ts': `import { Hono } from 'hono'; import { setCookie } from 'hono/cookie'; const app = new Hono();
      app.post('/in', async (c) => { setCookie(c, 'sid', await make(c), ${options}); return c.body(null, 204); }); export default app;`,
  });
  expect(await cookies(hono('{ secure: true }'))).toEqual(['/in sid']);
  const far = harbour('Path=/');
  far['server.mjs'] =
    `import { cookieFor } from "./cookies.mjs"; ${far['server.mjs'].replace(/const cookieFor.*\n/, '')}`;
  expect(await cookies(far)).toEqual(['/keys -', '/tides -']);
  expect(await cookies(hono('{ secure: true, httpOnly: true }'))).toEqual(['/in -']);
});
