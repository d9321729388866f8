import { Hono } from 'hono';
import { bearerAuth } from 'hono/bearer-auth';
import { secureHeaders } from 'hono/secure-headers';
import { sha256 } from 'hono/utils/crypto';

const members = [
  { id: 1, name: 'Jo Amsel', iban: 'DE02120300000000202051' },
  { id: 2, name: 'Kim Berg', iban: 'DE02500105170137075030' },
];

const app = new Hono<{ Bindings: { COACH_TOKEN_SHA256: string } }>();
app.use(secureHeaders({ contentSecurityPolicy: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } }));
app.get('/', (c) => c.json({ open: '7:00 to 22:00', members: members.length }));

const coach = bearerAuth({ verifyToken: async (token, c) => (await sha256(token)) === c.env.COACH_TOKEN_SHA256 });
app.use('/members/*', coach);
app.get('/members', (c) => c.json(members.map(({ id, name }) => ({ id, name }))));

app.get('/members/export', (c) => {
  const lines = members.map(({ id, name, iban }) => `${id};${name};${iban}`);
  return c.text(['id;name;iban', ...lines].join('\n'), 200, { 'content-type': 'text/csv; charset=utf-8' });
});

export default app;
