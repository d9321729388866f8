import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { probe } from '../../../servers/qa/probe/probe.ts';

/** A product that ends like a process: from then on its port refuses, until it is started anew. */
function mortal(kills: (method: string, url: string) => 'at once' | 'after the answer' | undefined) {
  let server: Server | undefined;
  let starts = 0;
  const stop = async () => {
    server?.closeAllConnections();
    await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)));
  };
  const start = async () => {
    await stop();
    starts += 1;
    server = createServer((request, response) => {
      const { method = 'GET', url = '/' } = request;
      const end = kills(method, url);
      const die = () => {
        server?.closeAllConnections();
        server?.close();
      };
      if (end === 'at once') return die();
      const shown = /[?&]word=([^&]*)/.exec(url)?.[1];
      response.writeHead(200, { 'content-type': 'text/html' });
      response.end(`<a href="/greet?word=x">x</a> ${shown ? decodeURIComponent(shown) : ''}`);
      if (end) setImmediate(die);
    });
    await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  return { start, stop, starts: () => starts };
}

const BUDGET = { requests: 1_500, ms: 20_000 };

test.each(['at once', 'after the answer'] as const)(
  'a product that one request ends %s is started again, told once, and tested on',
  async (how) => {
    const product = mortal((_, url) => (url === '//' ? how : undefined));
    try {
      const { findings, complete } = await probe({
        origin: await product.start(),
        reset: product.start,
        seed: 3,
        budget: BUDGET,
      });
      const errors = findings.filter(({ kind }) => kind === 'server-error');
      expect(errors).toMatchObject([
        { severity: 'critical', where: 'GET //', title: expect.stringContaining('ends the whole product') },
      ]);
      expect(findings.map(({ kind, where }) => `${kind} ${where}`)).toContain('reflected-xss GET /greet');
      expect(complete).toBe(true);
      expect(product.starts()).toBeLessThan(8);
    } finally {
      await product.stop();
    }
  },
  30_000,
);

test('what is not ours to start is told too, and what was left out', async () => {
  const product = mortal((_, url) => (url === '//' ? 'at once' : undefined));
  try {
    const { findings, notTested } = await probe({ origin: await product.start(), seed: 3, budget: BUDGET });
    expect(findings).toMatchObject([{ kind: 'server-error', where: 'GET //', confirmed: true }]);
    expect(notTested).toContainEqual(expect.stringContaining('the product has ended'));
  } finally {
    await product.stop();
  }
}, 30_000);
