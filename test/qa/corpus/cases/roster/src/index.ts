import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { getCookie } from 'hono/cookie';
import { createMiddleware } from 'hono/factory';
import { secureHeaders } from 'hono/secure-headers';

interface Person {
  name: string;
  role: 'staff' | 'admin';
  salary: number;
}

const people = new Map<string, Person>([
  ['tim', { name: 'tim', role: 'staff', salary: 3100 }],
  ['ute', { name: 'ute', role: 'staff', salary: 3350 }],
  ['root', { name: 'root', role: 'admin', salary: 5200 }],
]);
const sessions = new Map([['s-tim-771', 'tim'], ['s-ute-120', 'ute'], ['s-root-900', 'root']]);

type Vars = { Variables: { me: Person } };
const signedIn = createMiddleware<Vars>(async (c, next) => {
  const me = people.get(sessions.get(getCookie(c, 'sid') ?? '') ?? '');
  if (!me) return c.json({ error: 'Sign in first.' }, 401);
  c.set('me', me);
  await next();
});
const adminOnly = createMiddleware<Vars>(async (c, next) => {
  if (c.get('me').role !== 'admin') return c.json({ error: 'Only for admins.' }, 403);
  await next();
});

const app = new Hono<Vars>();
app.use(secureHeaders({ contentSecurityPolicy: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } }));
app.use(bodyLimit({ maxSize: 4096 }));
app.use(signedIn);

app.get('/people', (c) => c.json([...people.values()].map(({ name, role }) => ({ name, role }))));
app.get('/payroll', adminOnly, (c) => c.json([...people.values()]));
app.put('/people/:name/role', async (c) => {
  const person = people.get(c.req.param('name'));
  if (!person) return c.json({ error: 'Nobody of that name.' }, 404);
  const body = await c.req.json().catch(() => null);
  if (body?.role !== 'staff' && body?.role !== 'admin') return c.json({ error: 'role: staff or admin.' }, 400);
  person.role = body.role;
  return c.json({ name: person.name, role: person.role });
});

export default app;
