import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';

const keys = new Map([['mia-0b77', 'mia'], ['noah-41aa', 'noah']]);
const notes = new Map();
const add = (owner, text) => {
  const note = { id: randomUUID(), owner, text };
  notes.set(note.id, note);
  return note;
};
add('mia', 'Milk, eggs');
add('noah', 'Dentist on Friday');

const fixed = { 'content-type': 'application/json', 'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY', 'referrer-policy': 'no-referrer', 'content-security-policy': "default-src 'none'; frame-ancestors 'none'", 'strict-transport-security': 'max-age=31536000', 'cache-control': 'no-store' };

async function read(request) {
  let text = '';
  for await (const chunk of request) if (text.length <= 20_000) text += chunk;
  if (text.length > 20_000) throw Object.assign(new Error('At most 20,000 characters.'), { status: 413 });
  try {
    return JSON.parse(text) ?? {};
  } catch {
    throw Object.assign(new Error('The body is not JSON.'), { status: 400 });
  }
}

async function route(request) {
  const user = keys.get(request.headers['x-api-key']);
  if (!user) return [401, { error: 'Send your key in x-api-key.' }];
  const path = request.url.split('?')[0];
  if (path === '/notes' && request.method === 'GET') return [200, [...notes.values()].filter(({ owner }) => owner === user).slice(-100)];
  if (path === '/notes' && request.method === 'POST') {
    const { text } = await read(request);
    if (typeof text !== 'string' || !text || text.length > 2000) return [400, { error: 'text: 1 to 2000 characters.' }];
    return [201, add(user, text)];
  }
  const note = notes.get(path.replace(/^\/notes\//, ''));
  if (!note) return [404, { error: 'No such note.' }];
  if (request.method === 'GET') return note.owner === user ? [200, note] : [404, { error: 'No such note.' }];
  if (request.method === 'DELETE') {
    notes.delete(note.id);
    return [204];
  }
  return [405, { error: 'GET or DELETE.' }];
}

createServer(async (request, response) => {
  const [status, body] = await route(request).catch((error) => [error.status ?? 400, { error: error.message }]);
  response.writeHead(status, fixed).end(body && JSON.stringify(body));
}).listen(process.env.PORT ?? 3000);
