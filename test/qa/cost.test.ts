import { describe, expect, test } from 'vitest';
import { costOf } from '../../servers/qa/cost/cost.ts';
import { LIMITS } from '../../servers/qa/cost/limits.ts';
import { oneModule, remove } from './probe/workshop.ts';

const config = {
  name: 'product',
  main: 'index.js',
  compatibilityDate: '2026-11-01',
  compatibilityFlags: [],
  vars: {},
  d1: ['DB'],
};
const PASSWORD = { name: { type: 'string' }, password: { type: 'string', format: 'password' } };
const body = {
  requestBody: { content: { 'application/json': { schema: { type: 'object', properties: PASSWORD } } } },
};
const OPENAPI = {
  openapi: '3.1.0',
  paths: {
    '/register': { post: body },
    '/login': { post: body },
    '/light': { get: {} },
    '/fan': { get: {} },
  },
};
/** A hash that is slow on purpose, for those who registered only, who may try a few times from one address. */
const SOURCE = (rounds: number, calls: number) => `
const users = new Map();
const tries = new Map();
function stretchPassword(text) { let sum = 0; for (let i = 0; i < ${rounds}; i += 1) sum = (Math.imul(sum, 31) + text.charCodeAt(i % text.length) + Math.floor(Math.sqrt(i))) | 0; return sum; }
export default { async fetch(request, env) {
  const { pathname } = new URL(request.url);
  if (request.method === 'POST') {
    const { name, password } = await request.json();
    if (pathname === '/register' && !/^[a-z]{6}$/.test(name)) return Response.json({ error: 'name must be six lower-case letters' }, { status: 400 });
    if (pathname === '/register') { users.set(name, 1); return Response.json({ ok: true }, { status: 201 }); }
    const address = request.headers.get('cf-connecting-ip') ?? 'here';
    tries.set(name, (tries.get(name) ?? 0) + 1);
    tries.set(address, (tries.get(address) ?? 0) + 1);
    if (pathname === '/login' && (tries.get(name) > 6 || tries.get(address) > 30)) return Response.json({}, { status: 429 });
    if (pathname === '/login') return users.has(name) ? Response.json({ hash: stretchPassword(password) }) : Response.json({}, { status: 401 });
  }
  if (pathname === '/fan') {
    for (let i = 0; i < ${calls}; i += 1) await (i % 2 ? env.DB.prepare('SELECT ?').bind(i).all() : fetch('https://api.example.com/' + i));
    return new Response('done');
  }
  return new Response('light', { status: pathname === '/light' || pathname === '/' ? 200 : 404 });
} };`;

describe('cost of a request', () => {
  test('a slow login, too many subrequests and nothing else are found, the function by its name', async () => {
    const dir = await oneModule(SOURCE(6_000_000, 60));
    try {
      const { findings, routes, bundleBytes } = await costOf({
        bundleDir: dir,
        config: { ...config, d1: ['DB'] },
        plan: 'free',
        openapi: OPENAPI,
      });
      expect(findings.map(({ kind, where }) => `${kind} ${where}`)).toEqual([
        'cpu-limit POST /login',
        'subrequests GET /fan',
      ]);
      // V8 may inline the function into the one that calls it, and then names that.
      expect(findings[0]?.title).toMatch(/most of it in (stretchPassword|fetch) \(index\.js:\d+\)/);
      expect(routes.find(({ where }) => where === 'GET /light')?.cpuMs).toBeLessThan(5);
      expect(routes.find(({ where }) => where === 'GET /fan')?.subrequests).toBe(60);
      expect(bundleBytes).toBeGreaterThan(100);
    } finally {
      await remove(dir);
    }
  }, 60_000);

  test('the same with few rounds and calls is within the plan', async () => {
    const dir = await oneModule(SOURCE(1_000, 10));
    try {
      const { findings, startUpMs } = await costOf({
        bundleDir: dir,
        config,
        plan: 'free',
        openapi: OPENAPI,
      });
      expect(findings).toEqual([]);
      expect(startUpMs).toBeLessThan(LIMITS.free.startUpMs);
    } finally {
      await remove(dir);
    }
  }, 60_000);
});
