import { createHash, randomBytes } from 'node:crypto';

/** Who signed up, with the digest of the key in the mail that confirms it. The key has 256 bits: no slow hash is needed. */
const members = new Map<string, { hash: string }>();
const headers = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY', 'referrer-policy': 'no-referrer', 'content-security-policy': "default-src 'none'; frame-ancestors 'none'", 'strict-transport-security': 'max-age=31536000' };
const reply = (status: number, body: unknown) => Response.json(body, { status, headers });

async function signup(request: Request): Promise<Response> {
  const text = await request.text();
  if (text.length > 1000) return reply(413, { error: 'Too long.' });
  const { email } = fields(text);
  if (typeof email !== 'string' || email.length > 254 || !/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(email)) return reply(400, { error: 'email: that is no address.' });
  const key = randomBytes(32).toString('hex');
  members.set(email, { hash: createHash('sha256').update(key).digest('hex') });
  return reply(201, { email, next: 'Look into your mailbox.' });
}

function fields(text: string): { email?: unknown } {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}

export default {
  async fetch(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === '/') return reply(200, { sauna: 'open from 16:00', signup: 'POST /signup {email}' });
    if (pathname !== '/signup') return reply(404, { error: 'Not found.' });
    return request.method === 'POST' ? signup(request) : reply(405, { error: 'POST, please.' });
  },
};
