import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import Database from 'better-sqlite3';
import { type Context, Hono } from 'hono';

export const IDENTITIES = {
  users: ['alice', 'bob'].map((name) => ({ name, headers: { authorization: `Bearer ${name}-token` } })),
  expired: { name: 'expired', headers: { authorization: 'Bearer old-token' } },
  admin: { name: 'admin', headers: { authorization: 'Bearer admin-token' } },
};

const SAFE = {
  'content-security-policy': "default-src 'self'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};
const text = (more: object = {}) => ({ type: 'string', maxLength: 200, ...more });
const body = (properties: object, required: string[] = []) => ({
  requestBody: { content: { 'application/json': { schema: { type: 'object', properties, required } } } },
});
const query = (name: string, schema: object = text()) => ({ parameters: [{ name, in: 'query', schema }] });
const id = { name: 'id', in: 'path', required: true, schema: { type: 'string' } };

const DOCUMENT = {
  openapi: '3.1.0',
  paths: {
    '/api/search': { get: query('q') },
    '/api/ping': { get: query('host') },
    '/api/hello': { get: query('name') },
    '/api/file': { get: query('name') },
    '/api/preview': { post: body({ url: text({ format: 'uri' }) }, ['url']) },
    '/go': { get: query('next') },
    '/api/list': { get: query('limit', { type: 'integer' }) },
    '/api/notes': { get: {}, post: body({ text: text({ minLength: 1 }) }, ['text']) },
    '/api/notes/{id}': { parameters: [id], get: {}, delete: {}, patch: body({ text: text() }, ['text']) },
    '/api/users': { post: body({ handle: text({ minLength: 1 }) }, ['handle']) },
    '/api/admin/stats': { get: {} },
    '/api/settings': { get: {} },
    '/api/settings/{id}': { parameters: [id], get: {} },
    '/api/redeem': { post: body({ code: text({ example: 'WELCOME' }) }, ['code']) },
    '/api/pay': {
      post: {
        parameters: [{ name: 'Idempotency-Key', in: 'header', schema: text() }],
        ...body({ quantity: { type: 'integer', minimum: 1, maximum: 9 } }, ['quantity']),
      },
    },
    '/api/login': {
      post: body({ name: text(), password: text({ format: 'password' }) }, ['name', 'password']),
    },
  },
};

interface Note {
  id: string;
  owner: string;
  text: string;
}

/**
 * A small shop with one route for each class of attack. With `flawed` each route has the defect of its class,
 * without it none has. `reset` puts its data back.
 */
export function shop(flawed: boolean): { app: Hono; reset(): void } {
  const state = {
    notes: [] as Note[],
    users: [] as object[],
    redeemed: new Set<string>(),
    paid: new Map<string, string>(),
    payments: 0,
    guesses: 0,
  };
  const reset = () => {
    const notes = ['alice', 'bob'].map((owner, index) => ({ id: `n${index}`, owner, text: `of ${owner}` }));
    Object.assign(state, { notes, users: [], redeemed: new Set(), paid: new Map(), payments: 0, guesses: 0 });
  };
  reset();
  const database = new Database(':memory:');
  database.exec(
    "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO items (name) VALUES ('tea'), ('cup'), ('pot')",
  );
  const app = new Hono();
  app.use(async (c, next) => {
    await next();
    for (const [name, value] of Object.entries(SAFE)) c.header(name, value);
    const origin = c.req.header('origin');
    if (flawed && origin) {
      c.header('access-control-allow-origin', origin);
      c.header('access-control-allow-credentials', 'true');
    }
  });
  app.onError((_, c) => c.text('broken', 500));
  const json = async (c: Context): Promise<Record<string, unknown>> => {
    if (Number(c.req.header('content-length') ?? 0) > 50_000) return {};
    const value = await (flawed ? c.req.json() : c.req.json().catch(() => ({})));
    return typeof value === 'object' && value !== null ? value : {};
  };
  const who = (c: Context): string | undefined => {
    const name = /^Bearer (\w+)-token$/.exec(c.req.header('authorization') ?? '')?.[1];
    return name === 'old' && !flawed ? undefined : name;
  };
  const guard = (c: Context) => c.json({ error: 'Who are you?' }, 401);
  const brief = (value: unknown): value is string =>
    typeof value === 'string' && value.length > 0 && value.length <= 200;

  app.get('/', (c) => c.html('<h1>Shop</h1><a href="/go?next=/">on</a>'));
  app.get('/openapi.json', (c) => c.json(DOCUMENT));
  app.get('/api/search', (c) => {
    const q = c.req.query('q') ?? '';
    const rows = flawed
      ? database.prepare(`SELECT * FROM items WHERE name LIKE '%${q}%'`).all()
      : database.prepare('SELECT * FROM items WHERE name LIKE ?').all(`%${q}%`);
    return c.json(rows);
  });
  app.get('/api/ping', async (c) => {
    const host = c.req.query('host') ?? '';
    if (!flawed) return c.json({ up: /^[a-z.]{1,60}$/.test(host) });
    const shown = await promisify(execFile)('/bin/sh', ['-c', `echo pinging ${host}`]).catch(() => ({
      stdout: '',
    }));
    return c.text(shown.stdout);
  });
  app.get('/api/hello', (c) => {
    const name = c.req.query('name') ?? '';
    const shown = name.replace(/\{\{(\d+)\*(\d+)\}\}/g, (whole, a, b) => (flawed ? String(a * b) : whole));
    return c.text(`Hello ${shown}`);
  });
  app.get('/api/file', async (c) => {
    const name = c.req.query('name') ?? '';
    const file = join(import.meta.dirname, flawed ? name : basename(name));
    return c.text(await readFile(file, 'utf8').catch(() => 'no such file'));
  });
  app.post('/api/preview', async (c) => {
    const { url } = await json(c);
    if (!brief(url) || !URL.canParse(url)) return c.json({ error: 'no address' }, 400);
    if (!flawed) return c.json({ title: 'not fetched' });
    const shown = await fetch(url, { signal: AbortSignal.timeout(1_000) }).then(
      (answer) => answer.text(),
      () => '',
    );
    return c.json({ title: shown.slice(0, 10) });
  });
  app.get('/go', (c) => {
    const next = c.req.query('next') ?? '/';
    return c.redirect(flawed || /^\/[a-z0-9]*$/.test(next) ? encodeURI(next).slice(0, 200) : '/');
  });
  app.get('/api/list', (c) => {
    const limit = Number(c.req.query('limit') ?? 10);
    const most = flawed ? limit : Math.max(1, Math.min(100, limit || 1));
    return c.json(Array.from({ length: Math.max(0, Math.min(most, 1_500)) || 0 }, (_, index) => index));
  });

  app.get('/api/notes', (c) => {
    const me = who(c);
    return me ? c.json(state.notes.filter(({ owner }) => owner === me).slice(-50)) : guard(c);
  });
  app.post('/api/notes', async (c) => {
    const me = who(c);
    if (!me) return guard(c);
    const { text } = await json(c);
    const isLong = typeof text === 'string' && text.length > 200;
    if (!(flawed ? typeof text === 'string' : brief(text)))
      return c.json({ error: isLong ? 'too long' : 'no text' }, 400);
    const note = { id: `n${state.notes.length}`, owner: me, text: String(text) };
    state.notes.push(note);
    return c.json(note, 201);
  });
  app.on(['GET', 'PATCH', 'DELETE'], '/api/notes/:id', async (c) => {
    const me = who(c);
    const note = state.notes.find((one) => one.id === c.req.param('id'));
    if (!me) return guard(c);
    if (!note || (!flawed && note.owner !== me)) return c.json({ error: 'none' }, 404);
    if (c.req.method === 'DELETE') state.notes.splice(state.notes.indexOf(note), 1, { ...note, id: 'gone' });
    if (c.req.method === 'PATCH') {
      const { text } = await json(c);
      if (!brief(text)) return c.json({ error: 'no text' }, 400);
      note.text = text;
    }
    return c.json(note);
  });
  app.post('/api/users', async (c) => {
    const more = await json(c);
    if (!brief(more.handle)) return c.json({ error: 'no handle' }, 400);
    const user = { role: 'user', ...(flawed ? more : { handle: more.handle }) };
    state.users.push(user);
    return c.json(user, 201);
  });
  app.get('/api/admin/stats', (c) => {
    const me = who(c);
    if (!me) return guard(c);
    return me === 'admin' || flawed ? c.json({ users: state.users.length }) : c.json({ error: 'no' }, 403);
  });
  app.get('/api/settings', (c) => (who(c) ? c.json({ theme: 'dark' }) : guard(c)));
  app.get('/api/settings/:id', (c) =>
    who(c) || flawed ? c.json({ id: c.req.param('id'), theme: 'dark' }) : guard(c),
  );
  app.post('/api/redeem', async (c) => {
    const { code } = await json(c);
    if (code !== 'WELCOME') return c.json({ error: 'unknown' }, 404);
    if (state.redeemed.has(code)) return c.json({ error: 'used' }, 409);
    if (flawed) await sleep(5);
    state.redeemed.add(code);
    return c.json({ ok: true });
  });
  app.post('/api/pay', async (c) => {
    const { quantity } = await json(c);
    const key = c.req.header('idempotency-key') ?? '';
    const isPlain = Number.isInteger(quantity) && Number(quantity) >= 1 && Number(quantity) <= 9;
    if (!(flawed ? typeof quantity === 'number' : isPlain)) return c.json({ error: 'how many?' }, 400);
    const known = state.paid.get(key);
    if (known && !flawed) return c.json({ id: known });
    state.payments += 1;
    const payment = `p${state.payments}`;
    if (key) state.paid.set(key, payment);
    return c.json({ id: payment });
  });
  app.post('/api/login', async (c) => {
    const { name, password } = await json(c);
    state.guesses += 1;
    if (!flawed && state.guesses > 20) return c.json({ error: 'later' }, 429);
    if (flawed && name === 'stack')
      return c.text(`Error: no\n    at login (/srv/shop/src/login.ts:12:7)`, 400);
    if (brief(name) && brief(password))
      c.header('set-cookie', flawed ? 'sid=abc; Path=/' : 'sid=abc; Path=/; HttpOnly; Secure; SameSite=Lax');
    return c.json({ error: 'wrong' }, 401);
  });
  return { app, reset };
}
