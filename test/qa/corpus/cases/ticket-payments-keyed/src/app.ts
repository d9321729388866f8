import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { secureHeaders } from 'hono/secure-headers';

interface Payment {
  number: number;
  by: string;
  order: string;
  cents: number;
}

const users: Record<string, string> = { 'Bearer nele-3318': 'nele', 'Bearer paul-5502': 'paul' };
const payments: Payment[] = [];
const done = new Map<string, Payment>();

const app = new Hono<{ Variables: { user: string } }>();
app.use(secureHeaders({ contentSecurityPolicy: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } }));
app.use(bodyLimit({ maxSize: 2048 }));
app.use(async (c, next) => {
  const sent = c.req.header('authorization') ?? '';
  const user = Object.hasOwn(users, sent) ? users[sent] : undefined;
  if (!user) return c.json({ error: 'Sign in.' }, 401);
  c.set('user', user);
  await next();
});

app.get('/payments', (c) => c.json(payments.filter(({ by }) => by === c.get('user')).slice(-50)));

app.post('/payments', async (c) => {
  const key = c.req.header('idempotency-key') ?? '';
  if (!/^[\w-]{4,64}$/.test(key)) return c.json({ error: 'Idempotency-Key: 4 to 64 letters, digits, - or _.' }, 400);
  const body = await c.req.json().catch(() => null);
  const { order, cents } = body ?? {};
  if (typeof order !== 'string' || !/^[A-Z][0-9]{1,4}$/.test(order)) return c.json({ error: 'order: like A7.' }, 400);
  if (!Number.isSafeInteger(cents) || cents < 1 || cents > 100_000) return c.json({ error: 'cents: 1 to 100000.' }, 400);
  const slot = `${c.get('user')} ${key}`;
  const before = done.get(slot);
  if (before) return before.order === order && before.cents === cents ? c.json(before, 201) : c.json({ error: 'That key was used for another payment.' }, 422);
  const payment = { number: payments.length + 1, by: c.get('user'), order, cents };
  payments.push(payment);
  done.set(slot, payment);
  return c.json(payment, 201);
});

export default app;
