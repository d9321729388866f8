import { createServer } from 'node:http';
import { claims } from './token.js';

const sensors = [
  { bed: 'tomatoes', celsius: 24.1, humidity: 61 },
  { bed: 'basil', celsius: 22.8, humidity: 55 },
];

createServer((request, response) => {
  const send = (status, body) =>
    response
      .writeHead(status, {
        'content-type': 'application/json',
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'referrer-policy': 'no-referrer',
        'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
        'strict-transport-security': 'max-age=31536000',
      })
      .end(JSON.stringify(body));
  const path = request.url.split('?')[0];
  if (path === '/') return send(200, { service: 'greenhouse', see: ['/sensors', '/me'] });
  if (!['/sensors', '/me'].includes(path)) return send(404, { error: 'not found' });
  if (request.method !== 'GET') return send(405, { error: 'GET only' });
  const who = claims(/^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '');
  if (!who) return send(401, { error: 'sign in' });
  return send(200, path === '/me' ? { name: who.sub } : sensors);
}).listen(process.env.PORT ?? 3000);
