import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { cors } from 'hono/cors';
import { secureHeaders } from 'hono/secure-headers';
import { addTestimonial, type Database, listTestimonials } from './db.ts';
import { checkInput, wholeNumber } from './input.ts';
import { openapi } from './openapi.ts';
import { embedPage, formPage, messagePage, wallPage } from './pages.ts';
import { styles } from './styles.ts';
import { widgetScript } from './widget.ts';

type App = { Bindings: { DB: Database } };

const WALL_PAGE = 24;
const SELF = ["'self'"];
const NOBODY = ["'none'"];

const app = new Hono<App>();

app.use(
  secureHeaders({
    contentSecurityPolicy: {
      defaultSrc: NOBODY,
      styleSrc: SELF,
      scriptSrc: SELF,
      imgSrc: ["'self'", 'data:'],
      formAction: SELF,
      baseUri: NOBODY,
      frameAncestors: NOBODY,
    },
    // Nothing here is private, and other sites load the widget.
    crossOriginResourcePolicy: 'cross-origin',
    referrerPolicy: 'strict-origin-when-cross-origin',
    xFrameOptions: 'DENY',
  }),
);
app.use(
  bodyLimit({
    maxSize: 16 * 1024,
    onError: (c) => refuse(c, 413, 'That was too long', 'At most 16 KB, please.'),
  }),
);
app.use('/api/*', cors({ origin: '*', allowMethods: ['GET', 'POST'] }));

app.get('/', (c) => c.html(formPage()));

app.post('/testimonials', async (c) => {
  const form = await c.req.parseBody().catch(() => undefined);
  if (!form) return c.html(messagePage('That did not arrive', 'Please send the form again.'), 400);
  const checked = checkInput(form);
  if (!checked.ok) return c.html(formPage(onlyText(form), checked.errors), 422);
  await addTestimonial(c.env.DB, checked.value, new Date());
  return c.redirect('/wall?sent=yes', 303);
});

app.get('/wall', async (c) => {
  const found = await listTestimonials(c.env.DB, WALL_PAGE + 1, wholeNumber(c.req.query('before')));
  const shown = found.slice(0, WALL_PAGE);
  const older = found.length > WALL_PAGE ? shown.at(-1)?.id : undefined;
  return c.html(wallPage(shown, older, c.req.query('sent') === 'yes'));
});

app.get('/embed', (c) => c.html(embedPage(new URL(c.req.url).origin)));

app.get('/widget.js', async (c) => {
  const limit = Math.min(wholeNumber(c.req.query('limit')) ?? 6, 12);
  const script = widgetScript(await listTestimonials(c.env.DB, limit), new URL(c.req.url).origin);
  return c.body(script, 200, {
    'content-type': 'text/javascript; charset=utf-8',
    'cache-control': 'public, max-age=60',
  });
});

app.get('/api/testimonials', async (c) => {
  const limit = Math.min(wholeNumber(c.req.query('limit')) ?? WALL_PAGE, 100);
  return c.json({
    testimonials: await listTestimonials(c.env.DB, limit, wholeNumber(c.req.query('before'))),
  });
});

app.post('/api/testimonials', async (c) => {
  const input: unknown = await c.req.json().catch(() => undefined);
  if (!isObject(input)) return c.json({ errors: { body: 'Send one JSON object.' } }, 400);
  const checked = checkInput(input);
  if (!checked.ok) return c.json({ errors: checked.errors }, 422);
  await addTestimonial(c.env.DB, checked.value, new Date());
  return c.json({ ok: true }, 201);
});

app.get('/health', (c) => c.json({ ok: true }));
app.get('/openapi.json', (c) => c.json(openapi));
app.get('/styles.css', (c) => c.body(styles, 200, { 'content-type': 'text/css; charset=utf-8' }));

app.notFound((c) => refuse(c, 404, 'Nothing here', 'This page does not exist.'));
app.onError((error, c) => {
  console.error(error);
  return refuse(c, 500, 'Something broke', 'It is our fault, not yours. Please try again later.');
});

function refuse(c: Context<App>, status: 404 | 413 | 500, title: string, text: string) {
  return c.req.path.startsWith('/api/')
    ? c.json({ errors: { request: `${title}. ${text}` } }, status)
    : c.html(messagePage(title, text), status);
}

function onlyText(form: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(form).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export default app;
