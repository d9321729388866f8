import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { secureHeaders } from 'hono/secure-headers';

const app = new Hono<{ Bindings: { DB: D1Database } }>();
app.use(secureHeaders());
app.use(bodyLimit({ maxSize: 16_384 }));

app.get('/', (c) =>
  c.html(`<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>City wall</title><link rel="icon" href="data:,"></head><body><main><h1>City wall</h1><ul id="posts"></ul>
<form id="new"><label>Title <input name="title" required></label> <label>Text <input name="text" required></label> <button>Post</button></form></main>
<script>
async function load() {
  const posts = await (await fetch('/api/posts')).json();
  document.getElementById('posts').innerHTML = posts.map((post) => '<li><b>' + post.title + '</b> ' + post.text + '</li>').join('');
}
document.getElementById('new').onsubmit = async (event) => {
  event.preventDefault();
  await fetch('/api/posts', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(Object.fromEntries(new FormData(event.target))) });
  load();
};
load();
</script></body></html>`),
);

app.get('/api/posts', async (c) => {
  const { results } = await c.env.DB.prepare('select id, title, text from post order by id desc limit 50').all();
  return c.json(results);
});

app.post('/api/posts', async (c) => {
  const { title, text } = await c.req.json().catch(() => ({})) ?? {};
  const fine = (value: unknown, most: number) => typeof value === 'string' && value.length > 0 && value.length <= most;
  if (!fine(title, 80) || !fine(text, 1000)) return c.json({ error: 'A title of 1 to 80 and a text of 1 to 1000 characters.' }, 400);
  await c.env.DB.prepare('insert into post (title, text) values (?, ?)').bind(title, text).run();
  return c.json({ title, text }, 201);
});

export default app;
