import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Fault, StubCall } from './cloudflare_stub.ts';
import { serve } from './vercel_function.ts';
import { answerOf } from './vercel_routes.ts';
import { failed, freshState, type VercelState } from './vercel_state.ts';

export const TOKEN = 'stubtoken7d20e6';
export const TEAM = 'team_stub';

export interface VercelStub {
  /** For `api` of the client. */
  readonly url: string;
  readonly state: VercelState;
  readonly calls: StubCall[];
  /** The calls that were answered as done and make something. */
  writes(): string[];
  fault(fault: Fault): void;
  /** Lets `calls` more requests through, cuts the last of them after it was carried out, and refuses all later ones. */
  dieAfter(calls: number): void;
  /** Ends every fault. */
  heal(): void;
  /** A new account: nothing in it, no faults, no calls. */
  reset(): void;
  close(): Promise<void>;
}

/**
 * Vercel's API as far as the target speaks it, and the edge before its deployments, in this process: a deployment or
 * project answers at a port of its own, with the function that was uploaded.
 */
export async function startVercelStub(): Promise<VercelStub> {
  const calls: StubCall[] = [];
  const state = freshState();
  let faults: Fault[] = [];
  let left = Number.POSITIVE_INFINITY;
  const servers: Server[] = [];
  const hosts = new Map<string, number>();
  const spare: number[] = [];

  async function listen(listener: (request: IncomingMessage, response: ServerResponse) => Promise<void>) {
    const guarded: RequestListener = (request, response) => {
      listener(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)));
    };
    const server = createServer(guarded);
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as AddressInfo).port;
  }

  /** One host is kept open ahead: a request makes at most one thing that answers, and has to name its host. */
  async function openSpare(): Promise<void> {
    if (spare.length > 0) return;
    let own = 0;
    own = await listen((request, response) => edge(own, request, response));
    spare.push(own);
  }

  function hostOf(id: string): string {
    const known = hosts.get(id) ?? (spare.pop() as number);
    hosts.set(id, known);
    return `127.0.0.1:${known}`;
  }

  async function edge(port: number, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const id = [...hosts].find(([, at]) => at === port)?.[0];
    const served = state.projects.find((one) => one.id === id)?.served ?? id;
    const deployment = state.deployments.find((one) => one.id === served);
    if (!deployment) return void response.writeHead(404).end('DEPLOYMENT_NOT_FOUND');
    await serve(deployment, request, response);
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    await openSpare();
    const url = new URL(request.url ?? '/', 'http://stub');
    const call = `${request.method} ${url.pathname}`;
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const bytes = Buffer.concat(chunks);
    const isJson = request.headers['content-type'] === 'application/json';
    const json = isJson ? JSON.parse(bytes.toString()) : {};
    const seen: StubCall = { call, status: 0, body: json };
    calls.push(seen);
    left -= 1;
    if (left < 0) return void response.destroy();
    const fault = faults.find((one) => one.match.test(call));
    if (fault) {
      fault.times = (fault.times ?? 1) - 1;
      if (fault.times <= 0) faults = faults.filter((one) => one !== fault);
      if ('status' in fault) {
        seen.status = fault.status;
        const body = fault.body ?? JSON.stringify(failed(fault.status, 'injected').body);
        return void response.writeHead(fault.status, fault.headers).end(body);
      }
      if (fault.how === 'hang') return;
      if (fault.how === 'refuse') return void response.destroy();
    }
    const allowed =
      request.headers.authorization === `Bearer ${TOKEN}` && url.searchParams.get('teamId') === TEAM;
    const digest = request.headers['x-vercel-digest'];
    const asked = { query: url.searchParams, json, bytes, digest: String(digest), hostOf };
    const answer = allowed ? answerOf(state, call, asked) : failed(403, 'forbidden');
    seen.status = answer.status;
    if (fault || left === 0) return void response.destroy();
    response.writeHead(answer.status, { 'content-type': 'application/json' });
    response.end(answer.body === undefined ? '' : JSON.stringify(answer.body));
  }

  const port = await listen(handle);
  const heal = () => {
    faults = [];
    left = Number.POSITIVE_INFINITY;
  };
  return {
    url: `http://127.0.0.1:${port}`,
    state,
    calls,
    writes: () =>
      calls
        .filter(({ call, status }) => !call.startsWith('GET') && status >= 200 && status < 300)
        .map(({ call }) => call.replace(/(prj|dpl)_\d+/g, '$1')),
    fault: (fault) => void faults.push({ ...fault }),
    dieAfter: (count) => {
      left = count;
    },
    heal,
    reset() {
      heal();
      calls.length = 0;
      Object.assign(state, freshState());
    },
    async close() {
      for (const server of servers) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    },
  };
}
