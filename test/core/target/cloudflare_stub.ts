import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerOf } from './cloudflare_routes.ts';
import { type CloudflareState, freshState, type StubAnswer } from './cloudflare_state.ts';
import { type Faulty, openFaults } from './stub_faults.ts';

export const ACCOUNT = 'a'.repeat(32);
export const TOKEN = 'stub-token-5b1f0c';

export interface CloudflareStub extends Faulty {
  /** For `api` of the client. */
  readonly url: string;
  readonly state: CloudflareState;
  /** A new account: nothing in it, no faults, no calls. */
  reset(): void;
  close(): Promise<void>;
}

/** Cloudflare's API as far as the target speaks it, with the wire of facts/cloudflare.md, in this process. */
export async function startCloudflareStub(): Promise<CloudflareStub> {
  const { answer, ...faulty } = openFaults(() => failed(10000, 'injected'));
  const state = freshState();

  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      response.writeHead(500).end(String(error));
    });
  });

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://stub');
    const path = url.pathname.replace('/client/v4', '').replace(`/accounts/${ACCOUNT}`, '');
    const call = `${request.method} ${path}`;
    const raw = await bytesOf(request);
    const body = await parsed(request, raw);
    await answer(
      response,
      { call, body: shown(body) },
      () => authorized(request, path) ?? answerOf(state, call, url.searchParams, body),
    );
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    ...faulty,
    url: `http://127.0.0.1:${port}/client/v4`,
    state,
    reset() {
      faulty.heal();
      faulty.calls.length = 0;
      Object.assign(state, freshState());
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const failed = (code: number, message: string) =>
  JSON.stringify({ success: false, errors: [{ code, message }], messages: [], result: null });

function authorized(request: IncomingMessage, path: string): StubAnswer | undefined {
  const { authorization } = request.headers;
  if (authorization === `Bearer ${TOKEN}`) return undefined;
  if (path === '/workers/assets/upload' && authorization === 'Bearer assets-ticket') return undefined;
  return { status: 403, body: JSON.parse(failed(10000, 'Authentication error')) };
}

async function bytesOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function parsed(request: IncomingMessage, raw: Buffer): Promise<unknown> {
  const type = request.headers['content-type'] ?? '';
  if (raw.length === 0) return undefined;
  if (!type.startsWith('multipart/')) return JSON.parse(raw.toString());
  const form = await new Response(new Uint8Array(raw), { headers: { 'content-type': type } }).formData();
  const fields: Record<string, unknown> = {};
  for (const [name, value] of form) fields[name] = typeof value === 'string' ? value : await value.text();
  if (typeof fields.metadata === 'string') fields.metadata = JSON.parse(fields.metadata);
  return fields;
}

/** What the log keeps: modules by their size. */
function shown(body: unknown): unknown {
  if (typeof body !== 'object' || body === null || !('metadata' in body)) return body;
  return { metadata: body.metadata, files: Object.keys(body).filter((key) => key !== 'metadata') };
}
