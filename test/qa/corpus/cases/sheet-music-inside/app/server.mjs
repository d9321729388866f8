import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { basename, join } from 'node:path';

const SHEETS = join(import.meta.dirname, 'sheets');

createServer(async (request, response) => {
  response.setHeader('x-content-type-options', 'nosniff');
  response.setHeader('content-security-policy', "default-src 'none'; img-src data:; frame-ancestors 'none'");
  response.setHeader('x-frame-options', 'DENY');
  response.setHeader('referrer-policy', 'no-referrer');
  response.setHeader('strict-transport-security', 'max-age=31536000');
  const say = (status, text) => response.writeHead(status, { 'content-type': 'text/plain' }).end(text);
  if (request.method !== 'GET') return say(405, 'Only GET.');
  const path = request.url.split('?')[0];
  if (path === '/') {
    const links = (await readdir(SHEETS)).map((name) => `<li><a href="/sheets/${name}">${name}</a></li>`).join('');
    return response
      .writeHead(200, { 'content-type': 'text/html; charset=utf-8' })
      .end(`<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Sheets</title><link rel="icon" href="data:,"><main><h1>Sheets</h1><ul>${links}</ul></main></html>`);
  }
  if (!path.startsWith('/sheets/')) return say(404, 'No such page.');
  try {
    const name = decodeURIComponent(path.slice('/sheets/'.length));
    const file = join(SHEETS, name);
    if (name !== basename(name) || name.startsWith('.') || !(await stat(file)).isFile()) return say(404, 'No such sheet.');
    response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' });
    createReadStream(file).pipe(response);
  } catch {
    say(404, 'No such sheet.');
  }
}).listen(process.env.PORT ?? 4000);
