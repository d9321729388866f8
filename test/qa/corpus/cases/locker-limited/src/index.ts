import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { secureHeaders } from 'hono/secure-headers';

const pins = new Map([[7, '4711'], [12, '0815'], [31, '2209']]);

const wrong = new Map<number, { count: number; until: number }>();

const app = new Hono();
app.use(secureHeaders({ contentSecurityPolicy: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } }));
app.use(bodyLimit({ maxSize: 512 }));

app.get('/', (c) => c.json({ lockers: 40, open: 'POST /open' }));

app.post('/open', async (c) => {
  const { locker, pin } = (await c.req.json().catch(() => null)) ?? {};
  if (!Number.isInteger(locker) || locker < 1 || locker > 40) return c.json({ error: 'locker: 1 to 40.' }, 400);
  if (typeof pin !== 'string' || !/^\d{4}$/.test(pin)) return c.json({ error: 'pin: four digits.' }, 400);
  return open(c, locker, pin);
});

function open(c: Context, locker: number, pin: string) {
  const { count, until } = wrong.get(locker) ?? { count: 0, until: 0 };
  if (count >= 5 && Date.now() < until) {
    c.header('retry-after', '300');
    return c.json({ error: 'Too many tries. Wait five minutes.' }, 429);
  }
  if (pins.get(locker) === pin) {
    wrong.delete(locker);
    return c.json({ locker, open: true });
  }
  wrong.set(locker, { count: count >= 5 ? 1 : count + 1, until: Date.now() + 300_000 });
  return c.json({ error: 'Wrong locker or pin.' }, 403);
}

export default app;
