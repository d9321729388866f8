import { randomBytes, scryptSync } from 'node:crypto';

const members = new Map<string, { salt: string; hash: string }>();
const headers = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY', 'referrer-policy': 'no-referrer', 'content-security-policy': "default-src 'none'; frame-ancestors 'none'", 'strict-transport-security': 'max-age=31536000' };
const reply = (status: number, body: unknown) => Response.json(body, { status, headers });

async function signup(request: Request): Promise<Response> {
  const text = await request.text();
  if (text.length > 1000) return reply(413, { error: 'Too long.' });
  const { email, password } = fields(text);
  if (typeof email !== 'string' || email.length > 254 || !/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(email)) return reply(400, { error: 'email: that is no address.' });
  if (typeof password !== 'string' || password.length < 10 || password.length > 200) return reply(400, { error: 'password: 10 to 200 characters.' });
  if (members.has(email)) return reply(409, { error: 'You are a member already.' });
  const salt = randomBytes(16).toString('hex');
  const hash = scryptSync(password, salt, 64, { N: 16_384, r: 16, p: 1, maxmem: 64 * 1024 * 1024 }).toString('hex');
  members.set(email, { salt, hash });
  return reply(201, { email });
}

function fields(text: string): { email?: unknown; password?: unknown } {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}

export default {
  async fetch(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === '/') return reply(200, { sauna: 'open from 16:00', signup: 'POST /signup {email, password}' });
    if (pathname !== '/signup') return reply(404, { error: 'Not found.' });
    return request.method === 'POST' ? signup(request) : reply(405, { error: 'POST, please.' });
  },
};
