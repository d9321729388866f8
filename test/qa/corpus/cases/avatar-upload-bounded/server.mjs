import { createHash } from 'node:crypto';
import { createServer } from 'node:http';

const MOST = 256 * 1024;
const avatars = new Map();
const TYPES = ['image/png', 'image/jpeg', 'image/webp'];

const base = {
  'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY', 'referrer-policy': 'no-referrer',
  'content-security-policy': "default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'", 'strict-transport-security': 'max-age=31536000',
};

async function receive(request) {
  const parts = [];
  let size = 0;
  for await (const part of request) {
    size += part.length;
    if (size <= MOST) parts.push(part);
    else parts.length = 0;
  }
  return size > MOST ? null : Buffer.concat(parts);
}

createServer(async (request, response) => {
  const json = (status, body) => response.writeHead(status, { ...base, 'content-type': 'application/json' }).end(JSON.stringify(body));
  const path = request.url.split('?')[0];
  if (path === '/' && request.method === 'GET')
    return response.writeHead(200, { ...base, 'content-type': 'text/html; charset=utf-8' }).end(
      '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Avatars</title><link rel="icon" href="data:,"><main><h1>Avatars</h1><p>POST a PNG, JPEG or WebP to /avatars.</p></main></html>');
  if (path === '/avatars' && request.method === 'POST') {
    const type = request.headers['content-type'] ?? '';
    if (!TYPES.includes(type)) return json(415, { error: 'PNG, JPEG or WebP, please.' });
    const picture = await receive(request);
    if (!picture) return json(413, { error: 'A picture has at most 256 KiB.' });
    if (!picture.length) return json(400, { error: 'The picture is empty.' });
    const id = createHash('sha256').update(picture).digest('hex').slice(0, 16);
    avatars.set(id, { type, picture });
    if (avatars.size > 20) avatars.delete(avatars.keys().next().value);
    return json(201, { id, bytes: picture.length, at: `/avatars/${id}` });
  }
  const found = request.method === 'GET' && avatars.get(path.slice('/avatars/'.length));
  if (!found) return json(404, { error: 'No such avatar.' });
  return response.writeHead(200, { ...base, 'content-type': found.type, 'content-disposition': 'attachment' }).end(found.picture);
}).listen(process.env.PORT ?? 3000);
