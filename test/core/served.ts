import { readFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as StdioTransportV1 } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport as HttpTransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { onTestFinished } from 'vitest';
import { applyFirstDefinition, enrol, readDefinition } from '../../servers/core/factory/create.ts';
import { type HttpOptions, type HttpServer, serveHttp } from '../../servers/core/http.ts';
import { openServices } from '../../servers/core/open.ts';
import type { Services } from '../../servers/core/services.ts';
import { loadFleet } from '../../servers/fleet.ts';
import { TestClock } from '../harness.ts';
import { newLocation } from '../store/stores.ts';

export interface Served {
  readonly url: string;
  readonly server: HttpServer;
  readonly services: Services;
  readonly clock: TestClock;
  /** A new enrolment: its file, and the token in it. */
  enrol(agent: string, expiresAt?: number): Promise<{ path: string; token: string }>;
  /** The token of a new session. */
  session(agent: string): Promise<string>;
}

export type ServeOptions = Partial<Omit<HttpOptions, 'services' | 'fleet'>> & {
  databaseUrl?: string;
  servers?: readonly string[];
};

/** A factory served over HTTP in this process, for tests that speak to the server itself. */
export async function serve({
  databaseUrl,
  servers = ['tasks'],
  ...options
}: ServeOptions = {}): Promise<Served> {
  const home = (await newLocation('sqlite')).replace(/\/store\.sqlite$/, '');
  const clock = new TestClock();
  const fleet = await loadFleet(servers);
  const services = await openServices(home, { clock, databaseUrl, log: () => {} });
  await applyFirstDefinition(services, await readDefinition('c-suite'), 'initial');
  const server = await serveHttp({ services, fleet: fleet.tools, ...options });
  onTestFinished(async () => {
    await server.close();
    await services.close();
  });
  const enrolled = async (agent: string, expiresAt?: number) => {
    const path = await enrol(services, agent, expiresAt ?? null);
    return { path, token: (JSON.parse(await readFile(path, 'utf8')) as { token: string }).token };
  };
  return {
    url: server.url,
    server,
    services,
    clock,
    enrol: enrolled,
    async session(agent) {
      const answer = await send(server.url, '/session', { token: (await enrolled(agent)).token });
      return (JSON.parse(answer.text) as { token: string }).token;
    },
  };
}

export interface Sent {
  status: number;
  text: string;
  headers: NodeJS.Dict<string | string[]>;
}

/** One request exactly as written: unlike `fetch` it sends any Host, and a body of any form. */
export function send(
  url: string,
  path: string,
  {
    token,
    headers = {},
    body,
    method = 'POST',
  }: { token?: string; headers?: Record<string, string>; body?: string; method?: string } = {},
): Promise<Sent> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      hostname,
      port,
      path,
      method,
      headers: {
        'Content-Type': 'application/json',
        Accept: 'application/json, text/event-stream',
        ...(token && { Authorization: `Bearer ${token}` }),
        ...headers,
      },
    });
    request.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, text, headers: response.headers }),
      );
    });
    request.on('error', reject);
    request.end(body);
  });
}

/** What every MCP client can do, whatever its SDK. */
export interface AnyClient {
  listTools(): Promise<{ tools: { name: string }[] }>;
  callTool(call: { name: string; arguments?: Record<string, unknown> }): Promise<unknown>;
  close(): Promise<void>;
}

export interface Command {
  command: string;
  args: string[];
}

const ME = { name: 'test', version: '1.0.0' };
const NEWEST = '2026-07-28';

/** Real clients: both protocol eras of the SDK 2.x, and the SDK 1.x. */
export const CLIENTS: Record<
  string,
  { http(url: URL, token: string): Promise<AnyClient>; stdio(command: Command): Promise<AnyClient> }
> = {
  'SDK 2.x, initialize': v2('legacy'),
  [`SDK 2.x, ${NEWEST}`]: v2({ pin: NEWEST }),
  'SDK 1.x': {
    async http(url, token) {
      const client = new ClientV1(ME);
      await client.connect(new HttpTransportV1(url, { requestInit: bearer(token) }) as never);
      return client as AnyClient;
    },
    async stdio(command) {
      const client = new ClientV1(ME);
      await client.connect(new StdioTransportV1(command));
      return client as AnyClient;
    },
  },
};

function v2(mode: 'legacy' | { pin: string }) {
  const client = () => new Client(ME, { versionNegotiation: { mode } });
  return {
    async http(url: URL, token: string) {
      const connected = client();
      await connected.connect(new StreamableHTTPClientTransport(url, { requestInit: bearer(token) }));
      return connected;
    },
    async stdio(command: Command) {
      const connected = client();
      await connected.connect(new StdioClientTransport(command));
      return connected;
    },
  };
}

const bearer = (token: string) => ({ headers: { Authorization: `Bearer ${token}` } });
