import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

console.error('Warning: TIDE_CACHE is not set; the cache is cold. (Error: ENOENT, expected)');
const tides = JSON.parse(await readFile(new URL('tides.json', import.meta.url), 'utf8'));
await sleep(1500);

const headers = {
  'content-type': 'application/json', 'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY', 'referrer-policy': 'no-referrer',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'", 'strict-transport-security': 'max-age=31536000',
};

const server = createServer((request, response) => {
  if (request.url.split('?')[0] !== '/') return response.writeHead(404, headers).end('{"error":"not found"}');
  if (!['GET', 'HEAD'].includes(request.method)) return response.writeHead(405, { ...headers, allow: 'GET, HEAD' }).end('{"error":"only GET"}');
  return response.writeHead(200, headers).end(request.method === 'HEAD' ? '' : JSON.stringify(tides));
});
server.listen(process.env.PORT ?? 3000, '127.0.0.1', () => console.log('ready'));
