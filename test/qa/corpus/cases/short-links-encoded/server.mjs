// A server of 40 lines over plain sockets: the redirector must be small and fast.
import net from 'node:net';

const STATIC = [
  'x-content-type-options: nosniff',
  'x-frame-options: DENY',
  'referrer-policy: no-referrer',
  "content-security-policy: default-src 'none'; img-src data:; frame-ancestors 'none'",
  'strict-transport-security: max-age=31536000',
  'connection: close',
].join('\r\n');

const message = (status, headers, body = '') =>
  `HTTP/1.1 ${status}\r\n${headers}\r\n${STATIC}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

function answer(line) {
  const [method, target = '/'] = line.split(' ');
  if (method === 'HEAD') return message('200 OK', 'content-type: text/plain');
  if (method !== 'GET') return message('405 Method Not Allowed', 'allow: GET');
  const [path, query = ''] = target.split('?');
  if (path === '/')
    return message('200 OK', 'content-type: text/html', '<!doctype html><html lang="en"><title>Links</title><meta name="viewport" content="width=device-width"><link rel="icon" href="data:,"><main><h1>Links</h1><a href="/go?to=news">News</a> <a href="/go?to=shop">Shop</a></main></html>');
  if (path === '/p/news' || path === '/p/shop') return message('200 OK', 'content-type: text/plain', `Welcome to ${path.slice(3)}.`);
  const to = /(?:^|&)to=([^&]*)/.exec(query)?.[1];
  if (path !== '/go' || !to) return message('404 Not Found', 'content-type: text/plain', 'Nothing here.');
  try {
    return message('302 Found', `location: /p/${encodeURIComponent(decodeURIComponent(to))}`);
  } catch {
    return message('400 Bad Request', 'content-type: text/plain', 'That is no link.');
  }
}

net
  .createServer((socket) => {
    let head = '';
    socket.on('error', () => socket.destroy());
    socket.setTimeout(5000, () => socket.destroy());
    socket.on('data', (chunk) => {
      head += chunk;
      if (head.length > 8192) return socket.end(message('431 Request Header Fields Too Large', 'content-type: text/plain'));
      if (head.includes('\r\n\r\n')) socket.end(answer(head.slice(0, head.indexOf('\r\n'))));
    });
  })
  .listen(Number(process.env.PORT || 8080), '127.0.0.1');
