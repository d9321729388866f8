import bcrypt from 'bcryptjs';
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { secureHeaders } from 'hono/secure-headers';

// Made with bcrypt.hash(…, 10).
const hashes = new Map([['anna', '$2b$10$FBEtXfdwFyk7Ai8L9dGj9.uELVbWk/SKTC9La0JC9HhPSKzLlt7vy']]);
const NOBODY = hashes.get('anna') ?? '';
const tries = new Map<string, number[]>();

const app = new Hono();
app.use(secureHeaders({ contentSecurityPolicy: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } }));
app.use(bodyLimit({ maxSize: 1024 }));
app.get('/', (c) => c.json({ login: 'POST /login {name, password}' }));

app.post('/login', async (c) => {
  const { name, password } = (await c.req.json().catch(() => null)) ?? {};
  if (typeof name !== 'string' || typeof password !== 'string' || name.length > 60 || password.length > 72) return c.json({ error: 'name and password, please.' }, 400);
  const recent = (tries.get(name) ?? []).filter((at) => Date.now() - at < 60_000);
  if (recent.length >= 10) return c.json({ error: 'Too many tries. Wait a minute.' }, 429);
  tries.set(name, [...recent, Date.now()]);
  const right = await bcrypt.compare(password, hashes.get(name) ?? NOBODY);
  if (!right || !hashes.has(name)) return c.json({ error: 'That is not the password.' }, 401);
  c.header('set-cookie', `session=${crypto.randomUUID()}; Path=/; HttpOnly; Secure; SameSite=Lax`);
  return c.json({ hello: name });
});

export default app;
