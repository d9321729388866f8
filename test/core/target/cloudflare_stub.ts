import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerOf } from './cloudflare_routes.ts';
import { type CloudflareState, freshState, type StubAnswer } from './cloudflare_state.ts';

export const ACCOUNT = 'a'.repeat(32);
export const TOKEN = 'stub-token-5b1f0c';

/** One request as the far side saw it; `status` is 0 where the connection was cut. */
export interface StubCall {
  /** `METHOD /path` below the account, or below the API for zones. */
  call: string;
  status: number;
  body: unknown;
}

/**
 * What happens instead of an answer, or around it. `cut` carries the request out and closes the connection, `refuse`
 * closes it before, `hang` never answers.
 */
export type Fault =
  | { match: RegExp; times?: number; status: number; headers?: Record<string, string>; body?: string }
  | { match: RegExp; times?: number; how: 'cut' | 'refuse' | 'hang' };

export interface CloudflareStub {
  /** For `api` of the client. */
  readonly url: string;
  readonly state: CloudflareState;
  readonly calls: StubCall[];
  /** The calls that were answered as done and make something: POST, PUT, PATCH, DELETE. */
  writes(): string[];
  fault(fault: Fault): void;
  /** Lets `calls` more requests through, cuts the last of them after it was carried out, and refuses all later ones. */
  dieAfter(calls: number): void;
  /** Called with the number of each request after it was carried out and before it is answered. */
  onDone(listen: (request: number) => void | Promise<void>): void;
  /** Ends every fault. */
  heal(): void;
  /** A new account: nothing in it, no faults, no calls. */
  reset(): void;
  close(): Promise<void>;
}

/** Cloudflare's API as far as the target speaks it, with the wire of facts/cloudflare.md, in this process. */
export async function startCloudflareStub(): Promise<CloudflareStub> {
  const calls: StubCall[] = [];
  let faults: Fault[] = [];
  let left = Number.POSITIVE_INFINITY;
  let listener: (request: number) => void | Promise<void> = () => {};
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
    const seen: StubCall = { call, status: 0, body: shown(body) };
    calls.push(seen);
    left -= 1;
    if (left < 0) return void response.destroy();
    const fault = faults.find((one) => one.match.test(call));
    if (fault) {
      fault.times = (fault.times ?? 1) - 1;
      if (fault.times <= 0) faults = faults.filter((one) => one !== fault);
      if ('status' in fault) {
        seen.status = fault.status;
        return void response
          .writeHead(fault.status, fault.headers)
          .end(fault.body ?? failed(10000, 'injected'));
      }
      if (fault.how === 'hang') return;
      if (fault.how === 'refuse') return void response.destroy();
    }
    const answer = authorized(request, path) ?? answerOf(state, call, url.searchParams, body);
    seen.status = answer.status;
    await listener(calls.length);
    if (fault || left === 0) return void response.destroy();
    response.writeHead(answer.status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer.body));
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const heal = () => {
    faults = [];
    left = Number.POSITIVE_INFINITY;
  };
  return {
    url: `http://127.0.0.1:${port}/client/v4`,
    state,
    calls,
    writes: () =>
      calls
        .filter(({ call, status }) => !call.startsWith('GET') && status >= 200 && status < 300)
        .map(({ call }) => call),
    fault: (fault) => void faults.push({ ...fault }),
    dieAfter: (count) => {
      left = count;
    },
    onDone: (listen) => {
      listener = listen;
    },
    heal,
    reset() {
      heal();
      calls.length = 0;
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
