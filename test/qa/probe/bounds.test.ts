import { describe, expect, test } from 'vitest';
import { openClient } from '../../../servers/qa/probe/client.ts';
import { probe } from '../../../servers/qa/probe/probe.ts';
import { serving } from './workshop.ts';

const BUDGET = { requests: 500, ms: 5_000 };

describe('it attacks this machine only', () => {
  test.each([
    'http://example.com',
    'http://127.0.0.1.example.com',
    'http://10.0.0.1',
    'http://0.0.0.0:80',
    'http://[::ffff:8.8.8.8]/',
    'http://user@example.com',
    'ftp://127.0.0.1',
  ])('%s', async (origin) => {
    let asked = 0;
    const counting: typeof fetch = async () => {
      asked += 1;
      return new Response();
    };
    await expect(probe({ origin, seed: 1, budget: BUDGET, fetch: counting })).rejects.toThrow(RangeError);
    expect(asked).toBe(0);
  });

  test('no link, form, redirect or document leads it elsewhere', async () => {
    const asked = new Set<string>();
    const page = `<a href="//example.com/a">a</a><a href="http://example.org/b">b</a>
      <form method="post" action="https://example.net/c"><input name="x"></form><script src="//example.com/d.js"></script>
      <a href="/go">go</a>`;
    await serving(
      (request, response) => {
        if (request.url === '/go') response.writeHead(302, { location: 'http://example.com/' }).end();
        else response.writeHead(200, { 'content-type': 'text/html' }).end(page);
      },
      (origin) =>
        probe({
          origin,
          openapi: {
            openapi: '3.1.0',
            servers: [{ url: 'http://example.com' }],
            paths: { '//example.com/x': { get: {} }, '@example.com/': { get: {} } },
          },
          seed: 1,
          budget: BUDGET,
          fetch: (url, init) => {
            asked.add(new URL(String(url)).hostname);
            return fetch(url, init);
          },
        }),
    );
    expect([...asked]).toEqual(['127.0.0.1']);
  });
});

test('a path that would change the host is refused', async () => {
  const client = openClient('http://127.0.0.1:9', {
    budget: () => BUDGET,
    fetch: async () => new Response(),
  });
  for (const path of ['@example.com/', '.example.com/', '0/']) {
    await expect(client.send({ method: 'GET', path, headers: {} })).rejects.toThrow(RangeError);
  }
  expect(client.sent()).toBe(0);
});

test('the number of requests is a bound, and the report says that it ended there', async () => {
  let served = 0;
  const report = await serving(
    (request, response) => {
      served += 1;
      response.writeHead(200, { 'content-type': 'text/html' }).end(`<a href="${request.url}x">more</a>`);
    },
    (origin) => probe({ origin, seed: 1, budget: { requests: 30, ms: 5_000 } }),
  );
  expect(served).toBe(report.requests);
  expect(served).toBeLessThanOrEqual(30);
  expect(report.complete).toBe(false);
  expect(report.notTested.join()).toContain('the budget of 30 requests');
  // The reserve is enough to confirm what was seen.
  expect(report.findings.length).toBeGreaterThan(0);
});

test('time is a bound, also against a server that never answers, and its end is no finding', async () => {
  const started = performance.now();
  const report = await serving(
    () => undefined,
    (origin) => probe({ origin, seed: 1, budget: { requests: 100, ms: 400 } }),
  );
  expect(performance.now() - started).toBeLessThan(2_000);
  expect(report).toMatchObject({ complete: false, findings: [] });
});

test('an endless answer is read to a bound', async () => {
  const report = await serving(
    (_, response) => {
      response.writeHead(200, { 'content-type': 'text/plain' });
      const chunk = 'x'.repeat(65_536);
      const push = () => {
        while (response.write(chunk) && !response.destroyed);
        response.once('drain', push);
      };
      push();
    },
    (origin) => probe({ origin, seed: 1, budget: { requests: 5, ms: 3_000 } }),
  );
  expect(report.requests).toBeLessThanOrEqual(5);
});
