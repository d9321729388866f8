import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type NodeIncomingMessageLike, toNodeHandler } from '@modelcontextprotocol/node';
import { ToolError } from './errors.ts';
import { httpDoor } from './http/door.ts';
import { runningCalls, turnAway } from './http/drain.ts';
import { addressOf, bearerOf, headFault, isStream, LOOPBACK } from './http/head.ts';
import { answerHealth } from './http/health.ts';
import { HTTP_LIMITS, type HttpLimits } from './http/limits.ts';
import { rootOf, sessionLines } from './http/lines.ts';
import { startListening, type TlsFiles } from './http/listen.ts';
import { reply, replyLater, replyUnauthorized } from './http/reply.ts';
import { httpSessions } from './http/sessions.ts';
import { openSession } from './identity.ts';
import { LARGEST_MESSAGE, mcpHttpHandler } from './mcp.ts';
import type { Services } from './services.ts';
import { storeFault } from './store/faults.ts';
import type { AnyTool } from './tool.ts';

export interface HttpOptions {
  services: Services;
  fleet: ReadonlyMap<string, AnyTool>;
  host?: string;
  port?: number;
  /** Names besides the loopback ones that requests may carry as Host or Origin. */
  allowedHosts?: readonly string[];
  /** PEM files of a certificate; without them an address that other machines reach is refused. */
  tls?: TlsFiles | undefined;
  /** A proxy in front encrypts. Of what it adds only the last X-Forwarded-For is read, to count failures by. */
  behindProxy?: boolean;
  /** Bounds other than the default ones. */
  limits?: Partial<HttpLimits>;
}

export interface HttpServer {
  readonly url: string;
  /** Takes the certificate from its files again; throws and keeps the old one when it cannot be used. */
  reload(): Promise<void>;
  /**
   * Takes nothing new and lets running calls finish for at most ten seconds. Sessions end, unless servers of other
   * machines can go on with them (PostgreSQL).
   */
  close(): Promise<void>;
}

const LONGEST_DRAIN_MS = 10_000;
const STORE_PAUSE_SECONDS = 2;
const NO_URL = { pathname: '', searchParams: new URLSearchParams() };

/**
 * Serves the fleet over Streamable HTTP at `/mcp`, to sessions by bearer token. `POST /session` exchanges an
 * enrolment token (also as bearer) for a session. Host, Origin, bearer, rates and body size are checked before
 * anything of a request is read further. Throws what {@link startListening} throws.
 */
export async function serveHttp(options: HttpOptions): Promise<HttpServer> {
  const { services, fleet, host = '127.0.0.1', port = 0, tls, behindProxy = false } = options;
  const limits = { ...HTTP_LIMITS, ...options.limits };
  const names = [...LOOPBACK, ...(options.allowedHosts ?? []).map((name) => name.toLowerCase())];
  const sessions = httpSessions(services, fleet);
  const lines = sessionLines(services, sessions);
  const handler = mcpHttpHandler(sessions.connect, (error) => services.log(`http: ${error.message}`));
  const mcp = toNodeHandler(handler, { maxRequestBodySize: LARGEST_MESSAGE });
  const calls = runningCalls();
  const door = httpDoor(services, sessions, limits);
  let isEnding = false;

  const onRequest = (request: IncomingMessage, response: ServerResponse) => {
    if (isEnding) return turnAway(response);
    if (!isStream(request)) calls.add(response);
    void answer(request, response).catch((error) => {
      services.log(`http: ${String(error)}`);
      if (response.headersSent) return;
      if (storeFault(error) instanceof ToolError)
        return replyLater(response, 503, STORE_PAUSE_SECONDS, 'the store does not answer');
      reply(response, 500, { error: 'internal' });
    });
  };

  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const fault = headFault(request, names);
    if (fault) return reply(response, fault.status, { error: fault.why });
    if (Number(request.headers['content-length'] ?? 0) > LARGEST_MESSAGE)
      return reply(response, 413, { error: 'too large' });
    const { pathname, searchParams } = URL.parse(request.url ?? '/', 'http://localhost') ?? NO_URL;
    if (pathname === '/health' && request.method === 'GET')
      return answerHealth(services, response, searchParams, (server.address() as AddressInfo).port);
    const token = bearerOf(request);
    if (!token) return replyUnauthorized(response);
    const address = addressOf(request, behindProxy);
    if (!door.mayTry(response, token, address)) return;
    if (pathname === '/session' && request.method === 'POST')
      return exchange(request, response, token, address);
    if (pathname !== '/mcp' && pathname !== '/session') return reply(response, 404, { error: 'not found' });
    const session = await door.whose(response, token, address);
    if (!session || !door.admits(response, session)) return;
    if (pathname === '/session') return lines.answer(request, response, session, token);
    const auth = { token, clientId: 'session', scopes: [] };
    return mcp(Object.assign(request, { auth }) as NodeIncomingMessageLike, response);
  };

  const exchange = async (
    request: IncomingMessage,
    response: ServerResponse,
    token: string,
    address: string,
  ) => {
    try {
      return reply(response, 200, await openSession(services, token, rootOf(request)));
    } catch (error) {
      if (!(error instanceof ToolError) || error.code !== 'FORBIDDEN') throw error;
      door.failed(address);
      return reply(response, 403, { error: error.message });
    }
  };

  const { server, url, reload } = await startListening(onRequest, { host, port, tls, behindProxy, limits });
  return {
    url,
    reload,
    async close() {
      isEnding = true;
      const closed = new Promise((resolve) => server.close(resolve));
      await lines.leave();
      await calls.ended(LONGEST_DRAIN_MS);
      await handler.close();
      server.closeAllConnections();
      await closed;
      await sessions.close();
    },
  };
}
