import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { secureHeaders } from 'hono/secure-headers';

const CENTS_PER_GRAM: Record<string, number> = { sencha: 9, assam: 5, oolong: 14 };
const orders: { number: number; tea: string; grams: number; email: string }[] = [];

const app = new Hono();
app.use(secureHeaders({ contentSecurityPolicy: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } }));
app.use(bodyLimit({ maxSize: 4096 }));

app.get('/', (c) => c.json({ teas: '/teas', order: 'POST /orders' }));
app.get('/teas', (c) => c.json(CENTS_PER_GRAM));

app.post('/orders', async (c) => {
  const order = await c.req.json().catch(() => null);
  if (typeof order?.tea !== 'string' || !order.grams || !order.email) return c.json({ error: 'tea, grams and email are needed.' }, 400);
  if (!Object.hasOwn(CENTS_PER_GRAM, order.tea)) return c.json({ error: 'We have no such tea.' }, 400);
  const { tea, grams, email } = order;
  if (!Number.isInteger(grams) || grams < 50 || grams > 5000) return c.json({ error: 'grams: whole grams, 50 to 5000.' }, 400);
  if (typeof email !== 'string' || email.length > 254 || !/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(email)) return c.json({ error: 'email: that is no address.' }, 400);
  orders.push({ number: orders.length + 1, tea, grams, email });
  return c.json({ number: orders.length, total_cents: (CENTS_PER_GRAM[tea] ?? 0) * grams }, 201);
});

export default app;
