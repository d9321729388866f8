import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';

const digest = (text) => createHash('sha256').update(text).digest();
// The word of the week, given out at the rehearsal; only its digest is here.
const WORD = Buffer.from('733c1d812776a3e10522eb17f57404b479ecf0f077fd8883c4f3038b17e52792', 'hex');
const sessions = new Set();
const tries = new Map();

const safe = {
  'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY', 'referrer-policy': 'same-origin', 'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'", 'strict-transport-security': 'max-age=31536000',
};
const page = (body) => `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Choir</title><link rel="icon" href="data:,"></head><body><main><h1>Choir</h1>${body}</main></body></html>`;
const FORM = '<form method="post" action="/login"><p><label>Voice <input name="name" required></label></p><p><label>Word of the week <input name="word" type="password" autocomplete="current-password" required></label></p><button>Come in</button></form>';

/** At most 5 tries a minute from one address. */
function tooMany(address) {
  const now = Date.now();
  const recent = (tries.get(address) ?? []).filter((at) => now - at < 60_000);
  tries.set(address, [...recent, now].slice(-6));
  return recent.length >= 5;
}

async function form(request) {
  let text = '';
  for await (const part of request) if (text.length <= 2000) text += part;
  return text.length > 2000 ? null : new URLSearchParams(text);
}

const cookie = (id) => `choir=${id}; Path=/; Max-Age=86400; HttpOnly; Secure; SameSite=Lax`;

createServer(async (request, response) => {
  const send = (status, html, headers = {}) => response.writeHead(status, { ...safe, 'content-type': 'text/html; charset=utf-8', ...headers }).end(page(html));
  const path = request.url.split('?')[0];
  const id = /(?:^|;\s*)choir=([a-f0-9]{32})/.exec(request.headers.cookie ?? '')?.[1];
  if (path === '/' && ['GET', 'HEAD'].includes(request.method)) return send(200, sessions.has(id) ? '<p>Next rehearsal: Thursday, half past seven.</p>' : FORM);
  if (path !== '/login') return send(404, '<p>There is no such page. <a href="/">Start</a></p>');
  if (request.method !== 'POST') return send(405, '<p>Send the form.</p>', { allow: 'POST' });
  const sent = await form(request);
  if (!sent) return send(413, '<p>That is too long.</p>');
  if (tooMany(request.socket.remoteAddress)) return send(429, '<p>Too many tries. Wait a minute.</p>', { 'retry-after': '60' });
  if (!sent.get('name') || !timingSafeEqual(digest(sent.get('word') ?? ''), WORD)) return send(401, `<p>That is not the word.</p>${FORM}`);
  const fresh = randomBytes(16).toString('hex');
  sessions.add(fresh);
  return response.writeHead(303, { ...safe, location: '/', 'set-cookie': cookie(fresh) }).end();
}).listen(process.env.PORT ?? 3000);
