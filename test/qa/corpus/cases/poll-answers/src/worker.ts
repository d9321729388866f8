import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { HTTPException } from 'hono/http-exception';
import { secureHeaders } from 'hono/secure-headers';

const votes: Record<string, number> = { tram: 3, bus: 2, bicycle: 9 };

const app = new Hono();
app.use(secureHeaders({ contentSecurityPolicy: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } }));
app.use(bodyLimit({ maxSize: 1024 }));
app.onError((error, c) => error instanceof HTTPException ? error.getResponse() : c.json({ error: 'Sorry, something went wrong.' }, 500));

app.get('/', (c) => c.json({ question: 'How do you come to work?', choices: Object.keys(votes), vote: 'POST /votes' }));
app.get('/votes', (c) => c.json(votes));
app.post('/votes', async (c) => {
  const vote = await c.req.json().catch(() => null);
  const choice = vote?.choice;
  if (typeof choice !== 'string' || !Object.hasOwn(votes, choice)) return c.json({ error: 'choice: tram, bus or bicycle.' }, 400);
  votes[choice] = (votes[choice] ?? 0) + 1;
  return c.json({ choice, votes: votes[choice] }, 201);
});

export default app;
