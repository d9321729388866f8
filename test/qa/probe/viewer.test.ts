import type { RequestListener } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { probe } from '../../../servers/qa/probe/probe.ts';
import { openViewer, type Viewer } from '../../../servers/qa/probe/viewer.ts';
import { carriedChromium } from '../page/chromium.ts';
import { serving } from './workshop.ts';

let viewer: Viewer;
beforeAll(async () => {
  viewer = openViewer(await carriedChromium());
}, 60_000);
afterAll(() => viewer?.close());

const SAFE = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
};

/** A guest book whose page fetches its entries and sets them by `sink`. */
function guestBook(sink: string): RequestListener {
  const entries: { who: string }[] = [];
  return async (request, response) => {
    const send = (status: number, type: string, body: string) =>
      response.writeHead(status, { ...SAFE, 'content-type': type }).end(body);
    const at = `${request.method} ${request.url}`;
    if (at === 'GET /') {
      const script = `fetch('/entries').then((answer) => answer.json()).then((all) => { for (const { who } of all.slice(-20)) { const row = document.createElement('p'); row.${sink} = who; document.body.append(row); } }); const add = (who) => fetch('/entries', { method: 'POST', body: JSON.stringify({ who }) });`;
      return send(200, 'text/html', `<title>Guests</title><script type="module">${script}</script>`);
    }
    if (at === 'GET /entries') return send(200, 'application/json', JSON.stringify(entries));
    if (at !== 'POST /entries') return send(404, 'text/plain', 'nothing');
    const body = (await text(request)).slice(0, 3_000);
    const who = /^\s*\{/.test(body) ? safeParse(body)?.who : undefined;
    if (typeof who !== 'string' || who === '' || who.length > 200)
      return send(400, 'application/json', '{"error":"who: 1 to 200 characters"}');
    entries.push({ who });
    return send(201, 'application/json', '{"ok":true}');
  };
}

function safeParse(body: string): { who?: unknown } | undefined {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

const attack = (sink: string) =>
  serving(guestBook(sink), (origin) =>
    probe({ origin, seed: 2, budget: { requests: 1_500, ms: 40_000 }, viewer }),
  );

describe('what a script builds in the browser', () => {
  test('markup from data runs: the request that stores it is named', async () => {
    const { findings } = await attack('innerHTML');
    expect(findings[0]).toMatchObject({
      kind: 'stored-xss',
      severity: 'critical',
      where: 'POST /entries',
      evidence: expect.stringMatching(/^a browser called q\w+ on \/$/),
    });
  }, 60_000);

  test('the same data as text does not', async () => {
    const { findings, notTested } = await attack('textContent');
    expect(findings.filter(({ severity }) => severity !== 'low').map(({ title }) => title)).toEqual([]);
    expect(notTested.join()).not.toContain('no browser took part');
  }, 60_000);
});
