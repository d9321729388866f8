import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  hostHeaderValidation,
  type NodeIncomingMessageLike,
  originValidation,
  toNodeHandler,
} from '@modelcontextprotocol/node';
import { type Connection, startBeats } from './connection.ts';
import { ToolError } from './errors.ts';
import { openSession, sessionByToken } from './identity.ts';
import { LARGEST_MESSAGE, mcpHttpHandler } from './mcp.ts';
import type { Services } from './services.ts';
import type { AnyTool } from './tool.ts';

export interface HttpOptions {
  services: Services;
  fleet: ReadonlyMap<string, AnyTool>;
  host?: string;
  port?: number;
  /** Names besides the loopback ones that requests may carry as Host or Origin. */
  allowedHosts?: readonly string[];
}

export interface HttpServer {
  readonly url: string;
  /** Takes nothing new, lets running calls finish for at most ten seconds, and ends every session. */
  close(): Promise<void>;
}

/** The address cannot be listened on; the message says why. */
class CannotListen extends Error {
  override readonly name = 'CannotListen';
}

const LONGEST_DRAIN_MS = 10_000;
const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

/**
 * Serves the fleet over Streamable HTTP at `/mcp`, to sessions by bearer token. `POST /session` exchanges an
 * enrolment token (also as bearer) for a session. Host, Origin, bearer and body size are checked before
 * anything of a request is read further. Throws `CannotListen`.
 */
export async function serveHttp({
  services,
  fleet,
  host = '127.0.0.1',
  port = 0,
  allowedHosts = [],
}: HttpOptions): Promise<HttpServer> {
  const names = [...LOOPBACK, ...allowedHosts];
  const hostIsKnown = hostHeaderValidation(names);
  const originIsKnown = originValidation(names);
  const connections = new Map<string, Connection & { stop(): Promise<void> }>();
  const connect = async (token: string): Promise<Connection> => {
    const session = await sessionByToken(services.store.db, token);
    const known = connections.get(session);
    if (known) return known;
    const beats = startBeats(services, session, () => connections.delete(session));
    const connection = { fleet, services, session, ...beats };
    connections.set(session, connection);
    return connection;
  };
  const handler = mcpHttpHandler(connect, (error) => services.log(`http: ${error.message}`));
  const mcp = toNodeHandler(handler, { maxRequestBodySize: LARGEST_MESSAGE });

  const calls = runningCalls();
  const server = createServer((request, response) => {
    if (!server.listening) return turnAway(response);
    if (!isStream(request)) calls.add(response);
    void answer(request, response).catch((error) => {
      services.log(`http: ${String(error)}`);
      if (!response.headersSent) reply(response, 500, { error: 'internal' });
    });
  });
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    if (!hostIsKnown(request, response) || !originIsKnown(request, response)) return;
    if (Number(request.headers['content-length'] ?? 0) > LARGEST_MESSAGE)
      return reply(response, 413, { error: 'too large' });
    const token = /^Bearer (mw_[\w-]{43})$/.exec(request.headers.authorization ?? '')?.[1];
    const pathname = URL.parse(request.url ?? '/', 'http://localhost')?.pathname;
    if (pathname === '/health' && request.method === 'GET') return reply(response, 200, { ok: true });
    if (!token) {
      response.setHeader('WWW-Authenticate', 'Bearer');
      return reply(response, 401, { error: 'no bearer token' });
    }
    if (pathname === '/session' && request.method === 'POST') return exchange(response, token);
    if (pathname !== '/mcp') return reply(response, 404, { error: 'not found' });
    if (!(await isSession(token))) return reply(response, 401, { error: 'unknown session' });
    return mcp(
      Object.assign(request, { auth: { token, clientId: 'session', scopes: [] } }) as NodeIncomingMessageLike,
      response,
    );
  };
  const exchange = async (response: ServerResponse, token: string) => {
    try {
      return reply(response, 200, await openSession(services, token));
    } catch (error) {
      if (error instanceof ToolError) return reply(response, 403, { error: error.message });
      throw error;
    }
  };
  const isSession = (token: string) =>
    sessionByToken(services.store.db, token).then(
      () => true,
      () => false,
    );

  await listen(server, host, port);
  const { port: bound } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}`,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      await calls.ended(LONGEST_DRAIN_MS);
      await handler.close();
      server.closeAllConnections();
      await closed;
      await Promise.all([...connections.values()].map((connection) => connection.stop().catch(() => {})));
    },
  };
}

/** The responses that are still being written. */
function runningCalls() {
  const running = new Set<ServerResponse>();
  const emptied = new EventEmitter();
  return {
    add(response: ServerResponse): void {
      running.add(response);
      response.once('close', () => {
        running.delete(response);
        if (running.size === 0) emptied.emit('empty');
      });
    },
    /** Resolves when none is left, or after `ms`. */
    async ended(ms: number): Promise<void> {
      if (running.size === 0) return;
      await once(emptied, 'empty', { signal: AbortSignal.timeout(ms) }).catch(() => {});
    },
  };
}

/** A request that stays open for events, and ends only with its connection. */
const isStream = ({ method, headers }: IncomingMessage) =>
  method === 'GET' || headers['mcp-method'] === 'subscriptions/listen';

/** For what comes over a connection that was open already when the server began to end. */
function turnAway(response: ServerResponse): void {
  response.setHeader('Connection', 'close');
  reply(response, 503, { error: 'this server is ending' });
}

const WHY_NOT: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is taken by another program',
  EACCES: 'may be used by the administrator only',
  EADDRNOTAVAIL: 'cannot be used: this machine does not have that address',
  ENOTFOUND: 'cannot be used: there is no such address',
};

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', ({ code, message }: NodeJS.ErrnoException) =>
      reject(
        new CannotListen(`Port ${port} on ${host} ${WHY_NOT[code ?? ''] ?? `cannot be used: ${message}`}.`),
      ),
    );
    server.listen(port, host, resolve);
  });
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
}
