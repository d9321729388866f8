import type { IncomingMessage, ServerResponse } from 'node:http';
import { leaseMs } from '../leases.ts';
import type { Services } from '../services.ts';
import { reply, replyLater } from './reply.ts';
import type { HttpSessions } from './sessions.ts';

/** The header by which `POST /session` names the host's own session, in base64url. */
export const ROOT_HEADER = 'millwright-root';
/** The header that names the session at the head of a line. */
export const SESSION_HEADER = 'millwright-session';

const MOST_LINES = 8;
const KEEP_ALIVE_MS = 15_000;

/** The host's own session: all connections that share it count as one person. */
export function rootOf({ headers }: IncomingMessage): string | undefined {
  const given = headers[ROOT_HEADER];
  return typeof given === 'string' ? Buffer.from(given, 'base64url').toString() : undefined;
}

/**
 * The lines that stdio servers hold open to this server, by which each side notices the end of the other. A session
 * that had a line and has had none for one lease is ended, as it would be had its server process died.
 */
export function sessionLines(services: Services, sessions: HttpSessions) {
  const lines = new Map<string, Set<ServerResponse>>();
  let isEnding = false;

  const open = async (session: string, token: string, response: ServerResponse) => {
    const known = lines.get(session) ?? new Set();
    if (known.size >= MOST_LINES) return replyLater(response, 429, 1, 'too many lines');
    await sessions.connect(token);
    lines.set(session, known.add(response));
    response.socket?.setKeepAlive(true, KEEP_ALIVE_MS);
    response.once('close', () => {
      known.delete(response);
      if (known.size === 0 && !isEnding) void endUnlessBack(session).catch(logged);
    });
    response.writeHead(200, { [SESSION_HEADER]: session }).flushHeaders();
  };
  const endUnlessBack = async (session: string) => {
    const { factory } = await services.factory();
    const end = () => {
      if (lines.get(session)?.size !== 0) return;
      lines.delete(session);
      void sessions.take(session)?.stop().catch(logged);
    };
    setTimeout(end, leaseMs(factory)).unref();
  };
  const logged = (error: unknown) => services.log(`line: ${String(error)}`);

  return {
    /** Answers GET, which opens a line, and DELETE, which ends the session. */
    async answer(request: IncomingMessage, response: ServerResponse, session: string, token: string) {
      if (request.method === 'GET') return open(session, token, response);
      if (request.method !== 'DELETE') return reply(response, 405, { error: 'method not allowed' });
      await sessions.connect(token);
      await sessions.take(session)?.stop();
      reply(response, 200, { ok: true });
    },
    /** Cuts every line. The sessions behind them live on: their stdio servers go on with them by another way. */
    async leave(): Promise<void> {
      isEnding = true;
      const left = [...lines].filter(([, known]) => known.size > 0);
      await Promise.all(left.map(([session]) => sessions.take(session)?.leave().catch(logged)));
      for (const [, known] of left) for (const line of known) line.destroy();
    },
  };
}
