import { createServer } from 'node:http';

const rooms = [
  { id: 1, name: 'Attic', night: 60 },
  { id: 2, name: 'Garden', night: 85 },
];

const routes = [
  [/^\/$/, () => ({ rooms: '/rooms' })],
  [/^\/rooms$/, () => rooms],
  [/^\/rooms\/(\d{1,3})\/price$/, ([id], query) => {
    const nights = Number(query.get('nights'));
    if (!Number.isInteger(nights) || nights < 1 || nights > 60) throw Object.assign(new Error('nights: 1 to 60'), { status: 400 });
    const room = rooms.find((candidate) => candidate.id === Number(id));
    if (!room) throw Object.assign(new Error('No such room; /rooms lists them.'), { status: 404 });
    return { room: room.name, nights, total: room.night * nights };
  }],
];

createServer((request, response) => {
  const send = (status, body) => response.writeHead(status, {
    'content-type': 'application/json', 'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY', 'referrer-policy': 'no-referrer',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'", 'strict-transport-security': 'max-age=31536000',
  }).end(JSON.stringify(body));
  try {
    const url = URL.parse(request.url, 'http://rooms');
    if (request.method !== 'GET') return send(405, { error: 'GET only' });
    for (const [pattern, handle] of routes) {
      const match = url && pattern.exec(url.pathname);
      if (match) return send(200, handle(match.slice(1), url.searchParams));
    }
    return send(404, { error: 'not found' });
  } catch (error) {
    return send(error.status ?? 500, { error: error.status ? error.message : 'Something went wrong.' });
  }
}).listen(process.env.PORT ?? 3000);
