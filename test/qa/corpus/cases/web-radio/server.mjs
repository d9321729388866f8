import { createServer } from 'node:http';
import { byId, stations } from './stations.mjs';
import { page } from './views/page.mjs';

createServer((request, response) => {
  const station = byId(request.url.slice(1));
  response.writeHead(station || request.url === '/' ? 200 : 404, { 'content-type': 'text/html; charset=utf-8' });
  response.end(page(station ? [station] : stations));
}).listen(process.env.PORT ?? 3000);
