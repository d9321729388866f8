import assert from 'node:assert/strict';
import { test } from 'node:test';
import app from '../src/index.ts';
import { openDatabase } from './database.ts';

const WORDS = {
  author: 'Ada Lovelace',
  affiliation: 'Analyst, Engines & Co',
  quote: 'It did in a day what took us a month.',
  consent: 'yes',
};

function visit() {
  const env = { DB: openDatabase() };
  return {
    get: (path: string) => app.request(path, {}, env),
    text: async (path: string) => (await app.request(path, {}, env)).text(),
    send: (fields: Record<string, string>) =>
      app.request('/testimonials', { method: 'POST', body: new URLSearchParams(fields) }, env),
    sendJson: (body: unknown) =>
      app.request(
        '/api/testimonials',
        {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: typeof body === 'string' ? body : JSON.stringify(body),
        },
        env,
      ),
  };
}

test('what a customer sends appears on the wall, in the widget and in the API', async () => {
  const { send, get, text } = visit();

  const sent = await send(WORDS);

  assert.equal(sent.status, 303);
  assert.equal(sent.headers.get('location'), '/wall?sent=yes');
  assert.match(await text('/wall?sent=yes'), /Thank you!/);
  assert.match(await text('/wall'), /It did in a day.*Ada Lovelace/s);
  assert.match(await text('/widget.js'), /It did in a day.*Ada Lovelace/s);
  const { testimonials } = (await (await get('/api/testimonials')).json()) as {
    testimonials: Record<string, string>[];
  };
  assert.equal(testimonials[0]?.affiliation, WORDS.affiliation);
});

test('the words of a customer are text, not markup', async () => {
  const { send, text } = visit();

  await send({ ...WORDS, quote: 'Less is <b>more</b> & "more" is less' });

  for (const path of ['/wall', '/widget.js']) {
    assert.match(await text(path), /Less is &lt;b&gt;more&lt;\/b&gt; &amp;/, path);
  }
});

test('a refused form keeps what was typed and says what is wrong', async () => {
  const { send, text } = visit();

  const refused = await send({ author: 'Ada "the Countess"', quote: 'Short', affiliation: 'x'.repeat(121) });

  assert.equal(refused.status, 422);
  const shown = await refused.text();
  assert.match(shown, /value="Ada &quot;the Countess&quot;"/);
  assert.match(shown, /At least 10 characters/);
  assert.match(shown, /At most 120 characters, please; these are 121/);
  assert.match(shown, /only with your consent/);
  assert.match(await text('/wall'), /Nobody has written yet/);
});

test('the API refuses what is not a testimonial', async () => {
  const { sendJson } = visit();

  assert.equal((await sendJson('{')).status, 400);
  assert.equal((await sendJson([])).status, 400);
  assert.equal((await sendJson({ ...WORDS, author: 7 })).status, 422);
  assert.equal((await sendJson({ ...WORDS, consent: false })).status, 422);
  assert.equal((await sendJson({ ...WORDS, quote: 'x'.repeat(20_000) })).status, 413);
  assert.equal((await sendJson({ ...WORDS, consent: true })).status, 201);
});

test('the wall goes on to older pages', async () => {
  const { send, text } = visit();
  for (let n = 1; n <= 25; n += 1) await send({ ...WORDS, quote: `Sentence number ${n}.` });

  const newest = await text('/wall');
  const older = /href="(\/wall\?before=\d+)"/.exec(newest)?.[1];

  assert.ok(older);
  assert.doesNotMatch(newest, /number 1\./);
  assert.match(await text(older), /number 1\./);
});

test('the widget shows as many as its page asks for', async () => {
  const { send, text } = visit();
  for (let n = 1; n <= 3; n += 1) await send({ ...WORDS, quote: `Sentence number ${n}.` });

  assert.equal((await text('/widget.js?limit=2')).match(/<figure/g)?.length, 2);
  assert.equal((await text('/widget.js?limit=nonsense')).match(/<figure/g)?.length, 3);
});
