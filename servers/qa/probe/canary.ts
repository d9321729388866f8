import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Canary } from './types.ts';

const WAIT_MS = 400;
const STEP_MS = 20;

/** A canary that listens on a loopback port until it is closed. It answers everything with a short text. */
export async function openCanary(): Promise<Canary & { close(): Promise<void> }> {
  const called = new Set<string>();
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
    address: (tag, host = '127.0.0.1') => `http://${host}:${port}/${tag}`,
    async heard(tag, since = performance.now()) {
      while (performance.now() < since + WAIT_MS && !called.has(tag))
        await new Promise((resolve) => setTimeout(resolve, STEP_MS));
      return called.has(tag);
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
