import { type Context, Hono } from 'hono';
import { html, raw } from 'hono/html';
import { describe, expect, test } from 'vitest';
import { probe } from '../../../servers/qa/probe/probe.ts';
import { serving } from './workshop.ts';

const BUDGET = { requests: 3_000, ms: 30_000 };
const ORIGIN = 'http://127.0.0.1:8787';

type Page = ReturnType<typeof html>;
const SAFE = {
  'content-security-policy': "default-src 'self'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};
const FORM = html`<form method="post" action="/in"><input name="f1" required maxlength="60"><input name="f2"></form><a href="/out">out</a>`;

/** A product in one go: `add` gives it what the test is about. */
function product(add: (app: Hono) => void): Hono {
  const app = new Hono();
  app.use(async (c, next) => {
    await next();
    for (const [name, value] of Object.entries(SAFE)) c.header(name, value);
  });
  add(app);
  app.get('/', (c) => c.html(FORM));
  return app;
}

async function attack(app: Hono, more: { seed?: number } = {}) {
  const report = await probe({
    origin: ORIGIN,
    seed: more.seed ?? 1,
    budget: BUDGET,
    fetch: async (url, init) => app.request(String(url), init),
  });
  return {
    report,
    found: report.findings.map(({ kind, severity, where }) => `${severity} ${kind} ${where}`),
  };
}

/** A product that keeps what it is sent and shows it by `show`. */
function keeping(
  show: (f1: string, f2: string) => Page,
  accepts: (f1: string, f2: string) => boolean = () => true,
) {
  return product((app) => {
    const kept: [string, string][] = [];
    app.post('/in', async (c) => {
      const form = await c.req.parseBody().catch(() => ({}) as Record<string, string>);
      const [f1, f2] = [String(form.f1 ?? ''), String(form.f2 ?? '')];
      if (!f1 || f1.length > 60 || !accepts(f1, f2)) return c.text('no', 422);
      kept.unshift([f1, f2]);
      return c.redirect('/out', 303);
    });
    app.get('/out', (c) => c.html(html`${kept.slice(0, 20).map(([f1, f2]) => show(f1, f2))}`));
  });
}

const sound = keeping((f1, f2) => html`<p title="${f1}">${f2}</p>`);
const STORED = ['high stored-xss POST /in'];

test('a sound product gets no finding at all', async () => {
  const { report, found } = await attack(sound);
  expect(found).toEqual([]);
  expect(report.complete).toBe(true);
});

describe('stored XSS, wherever it is put', () => {
  test.each<[string, (f1: string, f2: string) => Page]>([
    ['text', (f1) => html`<p>${raw(f1)}</p>`],
    [
      'an attribute in double quotes, angle brackets escaped',
      (_, f2) => raw(`<p title="${f2.replaceAll('<', '&lt;')}">x</p>`),
    ],
    [
      'an attribute in single quotes, angle brackets escaped',
      (_, f2) => raw(`<p title='${f2.replaceAll('<', '&lt;')}'>x</p>`),
    ],
    ['the address of a link, escaped', (f1) => html`<a href="${f1}">site</a>`],
    [
      'a string of an inline script',
      (_, f2) => raw(`<script>let a = '${f2.replaceAll('<', '\\u003c')}';</script>`),
    ],
    ['a title', (_, f2) => raw(`<svg><title>x</title></svg><textarea>${f2}</textarea>`)],
  ])('%s', async (_, show) => {
    expect((await attack(keeping(show))).found).toEqual(STORED);
  });

  test('one field takes only digits, so all at once is refused', async () => {
    const app = keeping(
      (f1) => html`<p>${raw(f1)}</p>`,
      (_, f2) => !/[<"'`]/.test(f2),
    );
    expect((await attack(app)).found).toEqual(STORED);
  });

  test('a refusal is a page with 200, so only what is shown tells', async () => {
    const kept: string[] = [];
    const app = product((add) => {
      add.post('/in', async (c) => {
        const form = await c.req.parseBody().catch(() => ({}) as Record<string, string>);
        if (/[<"'`]/.test(String(form.f2 ?? ''))) return c.html(html`<p>Please check the second field.</p>`);
        if (String(form.f1 ?? '').length > 60) return c.html(html`<p>Please be brief.</p>`);
        kept.unshift(String(form.f1 ?? ''));
        return c.html(html`<p>Thank you</p>`);
      });
      add.get('/out', (c) => c.html(html`${kept.slice(0, 20).map((f1) => html`<p>${raw(f1)}</p>`)}`));
    });
    expect((await attack(app)).found).toEqual(STORED);
  });

  test('what is never shown again is said to be untested', async () => {
    const { report } = await attack(product((app) => app.post('/in', (c) => c.html('<p>Thank you</p>'))));
    expect(report.notTested).toContain('POST /in: nothing sent was seen again on any page.');
  });

  test('only the page of the new entry shows it', async () => {
    const app = product((add) => {
      const kept: string[] = [];
      add.post('/in', async (c) => {
        kept.push(String((await c.req.parseBody().catch(() => ({}) as Record<string, string>)).f1 ?? ''));
        return c.redirect(`/entry/${kept.length}`, 303);
      });
      add.get('/entry/:id', (c) => {
        const text = kept[Number(c.req.param('id')) - 1];
        return text === undefined ? c.notFound() : c.html(html`<p>${raw(text)}</p>`);
      });
    });
    const { found, report } = await attack(app);
    expect(found[0]).toMatch(/stored-xss POST \/in/);
    expect(report.findings[0]?.title).toMatch(/ in \/entry\/\d+/);
  });
});

describe('the other classes, each beside its sound twin', () => {
  const echo = (show: (text: string) => Page) => (app: Hono) => {
    app.get('/out', (c) => c.html(html`<a href="/find?word=x">find</a>`));
    app.get('/find', (c) => c.html(html`<h1>${show(c.req.query('word') ?? '')}</h1>`));
    app.post('/in', (c) => c.text('no', 422));
  };
  test.each([
    ['reflected', echo((text) => raw(text)), ['high reflected-xss GET /find']],
    ['escaped', echo((text) => html`${text}`), []],
  ])('reflected XSS: %s', async (_, add, expected) => {
    expect((await attack(product(add))).found).toEqual(expected);
  });

  const lost = (show: (text: string) => Page) => (app: Hono) => {
    app.post('/in', (c) => c.text('no', 422));
    app.notFound((c) =>
      c.html(
        html`<p>No ${show(decodeURIComponent(new URL(c.req.url).pathname.replace(/%(?![\da-f]{2})|%ff/gi, '')))}</p>`,
        404,
      ),
    );
  };
  test.each([
    ['raw', lost((text) => raw(text)), ['high reflected-xss GET /…']],
    ['escaped', lost((text) => html`${text}`), []],
  ])('the path on a page for what is not there: %s', async (_, add, expected) => {
    expect((await attack(product(add))).found).toEqual(expected);
  });

  const fails = (status: 400 | 500, text: string) => (app: Hono) => {
    app.post('/in', async (c) => {
      const form = await c.req.parseBody().catch(() => ({}) as Record<string, string>);
      return String(form.f2 ?? '').includes("'") ? c.text(text, status) : c.text('ok');
    });
  };
  test.each([
    ['a server error', fails(500, 'broken'), ['high server-error POST /in']],
    ['a refusal', fails(400, 'Please leave the quotes out.'), []],
    [
      'a database error in a refusal',
      fails(400, 'D1_ERROR: near "x": syntax error'),
      ['high error-leak POST /in'],
    ],
    [
      'a stack trace',
      fails(400, 'Error: x\n    at save (/app/src/index.ts:12:7)'),
      ['high error-leak POST /in'],
    ],
  ])('hostile input ends in %s', async (_, add, expected) => {
    expect((await attack(product(add))).found).toEqual(expected);
  });

  test.each([
    ['the start page', (app: Hono) => app.get('/', (c) => c.text('x', 500)), 'no-start', 'GET /'],
    [
      'a page it links to',
      (app: Hono) => app.get('/out', (c) => c.text('x', 503)),
      'server-error',
      'GET /out',
    ],
    [
      'a correct submission',
      (app: Hono) => app.post('/in', (c) => c.text('x', 500)),
      'server-error',
      'POST /in',
    ],
    ['every page', (app: Hono) => app.use((c) => Promise.resolve(c.text('x', 503))), 'no-start', 'GET /'],
  ])('%s is dead', async (_, add, kind, where) => {
    expect((await attack(product(add))).found[0]).toBe(`critical ${kind} ${where}`);
  });

  test('what refuses everything runs, but nothing of it could be tried', async () => {
    const { found, report } = await attack(
      product((app) => app.use((c) => Promise.resolve(c.text('x', 404)))),
    );
    expect(found.filter((line) => line.startsWith('critical'))).toEqual([]);
    expect(report.notTested).toContainEqual(
      expect.stringContaining('no address answers with anything but a refusal'),
    );
  });

  test('pages without security headers', async () => {
    const app = new Hono().get('/', (c) => c.html('<p>x</p>'));
    const { report, found } = await attack(app);
    expect(found).toEqual(Array(4).fill('low security-headers GET /'));
    expect(report.findings.map(({ title }) => title).join()).toMatch(
      /content-security-policy.*nosniff.*frame-ancestors.*referrer-policy/,
    );
  });

  test.each([
    ['a header of its own', (to: string) => to, ['high header-injection GET /go']],
    ['nothing', (to: string) => encodeURI(to), []],
  ])('a line break in a redirect starts %s', async (_, written, expected) => {
    const found = await serving(
      (request, response) => {
        const url = new URL(`http://x${request.url === '//' ? '/' : request.url}`);
        if (url.pathname === '/go') {
          request.socket.end(
            `HTTP/1.1 302 Found\r\nlocation: /${written(url.searchParams.get('to') ?? '')}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`,
          );
          return;
        }
        response.writeHead(url.pathname === '/' ? 200 : 404, { ...SAFE, 'content-type': 'text/html' });
        response.end(url.pathname === '/' ? '<a href="/go?to=x">go</a>' : 'no');
      },
      async (origin) =>
        (await probe({ origin, seed: 1, budget: BUDGET })).findings.map(
          ({ kind, severity, where }) => `${severity} ${kind} ${where}`,
        ),
    );
    // The raw answer of the unsound one is no HTTP for other inputs, which is told as well.
    expect(found.filter((line) => line.includes('injection'))).toEqual(expected);
  });
});

test('acceptance criteria are checked, and one that does not hold is a critical', async () => {
  const base = { method: 'GET' as const, path: '/out', headers: {}, status: 200 };
  const report = await probe({
    origin: ORIGIN,
    seed: 1,
    budget: BUDGET,
    criteria: [
      { ...base, id: 'A1', text: 'the list answers' },
      { ...base, id: 'A2', text: 'the list greets', contains: 'Welcome' },
      { ...base, id: 'A3', text: 'no admin page', path: '/admin', status: 404 },
      { ...base, id: 'A4', text: 'an empty form is refused', method: 'POST', path: '/in', status: 400 },
    ],
    fetch: async (url, init) => sound.request(String(url), init),
  });
  expect(
    report.findings.map(({ severity, title, evidence }) => `${severity} ${title} (${evidence})`),
  ).toEqual([
    'critical Acceptance criterion A2 does not hold: the list greets (the answer does not contain "Welcome")',
    'critical Acceptance criterion A4 does not hold: an empty form is refused (answered 422, expected 400)',
  ]);
  expect(report.checks).toContainEqual({ name: 'criterion', ran: true, requests: 4, ms: expect.any(Number) });
});

test.each<[string, boolean, string[]]>([
  ['is spent twice where the balance is read before and written after', false, ['critical race POST /take']],
  ['is spent once where it is taken in one step', true, []],
])('what one buys with a purse that is made first %s', async (_, isSound, expected) => {
  const purses = new Map<string, number>();
  const prices: Record<string, number> = { rope: 40, anchor: 90 };
  const app = product((made) => {
    made.get('/api', (c) => c.json({ how: 'POST /purses {name}, then POST /take {purse, item}' }));
    made.post('/purses', async (c) => {
      const { name } = (await c.req.json().catch(() => null)) ?? {};
      if (typeof name !== 'string' || !/^[a-z0-9]{3,20}$/.test(name))
        return c.json({ error: 'name: 3 to 20 of a-z and 0-9' }, 422);
      if (purses.has(name)) return c.json({ error: 'taken' }, 409);
      purses.set(name, 100);
      return c.json({ name, coins: 100 }, 201);
    });
    made.post('/take', async (c) => {
      const { purse, item } = (await c.req.json().catch(() => null)) ?? {};
      const price = typeof item === 'string' && Object.hasOwn(prices, item) ? prices[item] : undefined;
      if (price === undefined) return c.json({ error: 'item: one of rope, anchor' }, 422);
      const coins = purses.get(purse);
      if (coins === undefined) return c.json({ error: 'no such purse' }, 404);
      if (coins < price) return c.json({ error: 'not enough' }, 409);
      if (!isSound) await new Promise((resolve) => setTimeout(resolve, 1));
      purses.set(purse, coins - price);
      return c.json({ left: coins - price }, 201);
    });
  });
  const { found } = await attack(app);
  expect(found.filter((line) => line.includes('race'))).toEqual(expected);
});

test('what does not happen again is not reported', async () => {
  const seen = new Set<string>();
  const once = async (c: Context) => {
    const body = await c.req.text();
    const first = !seen.has(body);
    seen.add(body);
    return first && body.includes('zzzz') ? c.text('hiccup', 500) : c.text('no', 422);
  };
  expect((await attack(product((app) => app.post('/in', once)))).found).toEqual([]);
  expect(seen.size).toBeGreaterThan(10);
});
