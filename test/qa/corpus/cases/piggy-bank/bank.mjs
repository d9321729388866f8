import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rename, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// One file per account, in cents. The pocket money of one family needs no database.
const folder = await mkdtemp(join(process.env.DATA ?? tmpdir(), 'bank-'));
const file = (name) => join(folder, `${name}.json`);
const balance = async (name) => JSON.parse(await readFile(file(name), 'utf8')).cents;
async function store(name, cents) {
  const fresh = `${file(name)}.${randomUUID()}`;
  await writeFile(fresh, JSON.stringify({ cents }));
  await rename(fresh, file(name));
}
const pins = { 'finn:4482': 'finn', 'greta:9017': 'greta' };
for (const name of Object.values(pins)) await store(name, 100);

async function transfer(from, to, amount) {
  const left = await balance(from);
  if (left < amount) return false;
  await store(from, left - amount);
  await store(to, (await balance(to)) + amount);
  return true;
}

async function json(request) {
  let text = '';
  for await (const part of request) if (text.length <= 2000) text += part;
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

async function route(request) {
  const me = Object.hasOwn(pins, request.headers['x-pin'] ?? '') ? pins[request.headers['x-pin']] : null;
  if (request.url === '/') return [200, { paths: ['GET /balance', 'POST /transfers'] }];
  if (!me) return [401, { error: 'x-pin is missing' }];
  if (request.url === '/balance' && request.method === 'GET') return [200, { name: me, cents: await balance(me) }];
  if (request.url !== '/transfers' || request.method !== 'POST') return [404, { error: 'not found' }];
  const wish = await json(request);
  if (!Object.values(pins).includes(wish?.to) || wish.to === me) return [400, { error: 'to: another member of the family' }];
  if (!Number.isSafeInteger(wish.amount) || wish.amount < 1) return [400, { error: 'amount: whole cents above 0' }];
  return (await transfer(me, wish.to, wish.amount)) ? [201, { sent: wish.amount }] : [409, { error: 'not enough money' }];
}

createServer(async (request, response) => {
  const [status, body] = await route(request);
  response.writeHead(status, {
    'content-type': 'application/json', 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer', 'content-security-policy': "default-src 'none'; frame-ancestors 'none'", 'strict-transport-security': 'max-age=31536000',
  });
  response.end(JSON.stringify(body));
}).listen(Number(process.env.PORT ?? 8000), '127.0.0.1');
