import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Faulty, openFaults } from './stub_faults.ts';
import { serve } from './vercel_function.ts';
import { answerOf } from './vercel_routes.ts';
import { failed, freshState, type VercelState } from './vercel_state.ts';

export const TOKEN = 'stubtoken7d20e6';
export const TEAM = 'team_stub';

export interface VercelStub extends Faulty {
  /** For `api` of the client. */
  readonly url: string;
  readonly state: VercelState;
  /** A new account: nothing in it, no faults, no calls. */
  reset(): void;
  close(): Promise<void>;
}

/**
 * Vercel's API as far as the target speaks it, and the edge before its deployments, in this process: a deployment or
 * project answers at a port of its own, with the function that was uploaded.
 */
export async function startVercelStub(): Promise<VercelStub> {
  const { answer, ...faulty } = openFaults((status) => JSON.stringify(failed(status, 'injected').body));
  const state = freshState();
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
    const allowed =
      request.headers.authorization === `Bearer ${TOKEN}` && url.searchParams.get('teamId') === TEAM;
    const digest = request.headers['x-vercel-digest'];
    const asked = { query: url.searchParams, json, bytes, digest: String(digest), hostOf };
    await answer(response, { call, body: json }, () =>
      allowed ? answerOf(state, call, asked) : failed(403, 'forbidden'),
    );
  }

  const port = await listen(handle);
  return {
    ...faulty,
    url: `http://127.0.0.1:${port}`,
    state,
    writes: () => faulty.writes().map((call) => call.replace(/(prj|dpl)_\d+/g, '$1')),
    reset() {
      faulty.heal();
      faulty.calls.length = 0;
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
