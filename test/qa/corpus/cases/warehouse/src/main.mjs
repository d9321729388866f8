import http from 'node:http';
import { openStore } from './store.mjs';

const store = openStore();
const headers = { 'content-type': 'application/json', 'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY', 'referrer-policy': 'no-referrer', 'content-security-policy': "default-src 'none'" };

const server = http.createServer((req, res) => {
  const send = (status, body) => res.writeHead(status, headers).end(JSON.stringify(body));
  const url = new URL(req.url, 'http://warehouse');
  if (req.method !== 'GET') return send(405, { error: 'read only' });
  if (url.pathname === '/') return send(200, { links: ['/items?sort=name', '/items?sort=stock'] });
  if (url.pathname !== '/items') return send(404, { error: 'not found' });
  try {
    return send(200, store.items(url.searchParams.get('sort') ?? 'id'));
  } catch {
    return send(400, { error: 'That column can\'t be sorted by.' });
  }
});
server.listen(process.env.PORT || 8080);
