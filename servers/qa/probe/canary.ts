import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Canary } from './types.ts';

const WAIT_MS = 400;
const STEP_MS = 20;

/** A canary that listens on a loopback port until it is closed. It answers everything with a short text. */
export async function openCanary(): Promise<Canary & { close(): Promise<void> }> {
  const called = new Set<string>();
  /** When the address of a tag was given out last. */
  const given = new Map<string, number>();
  const server = createServer((request, response) => {
    for (const word of (request.url ?? '').split(/\W+/)) called.add(word);
    response.end('canary');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    address(tag, host = '127.0.0.1') {
      given.set(tag, performance.now());
      return `http://${host}:${port}/${tag}`;
    },
    async heard(tag) {
      const until = (given.get(tag) ?? 0) + WAIT_MS;
      while (performance.now() < until && !called.has(tag))
        await new Promise((resolve) => setTimeout(resolve, STEP_MS));
      return called.has(tag);
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
