import type { ServerResponse } from 'node:http';
import { ToolError } from '../errors.ts';
import { type Caller, whoCalls } from '../identity.ts';
import { recordRefusal } from '../refusals.ts';
import type { Services } from '../services.ts';
import { buckets, counted, type HttpLimits } from './limits.ts';
import { replyLater, replyUnauthorized } from './reply.ts';
import type { HttpSessions } from './sessions.ts';

/** Who comes in, and how often. Each check answers the request itself when it does not hold. */
export interface Door {
  /** Whether a token may be tried: not while its address has shown too many that do not count. */
  mayTry(response: ServerResponse, token: string, address: string): boolean;
  /** Counts a credential that does not count against the address it came from. */
  failed(address: string): void;
  /** The session behind a token that counts now; undefined after a 401. Its refusal is recorded. */
  whose(response: ServerResponse, token: string, address: string): Promise<string | undefined>;
  /** Counts a request against the bounds of its session. */
  admits(response: ServerResponse, session: string): boolean;
}

export function httpDoor(services: Services, sessions: HttpSessions, limits: HttpLimits): Door {
  const rate = buckets(limits.session);
  const failures = buckets(limits.failures);
  const open = counted(limits.open);

  const callerOf = async (token: string): Promise<Partial<Caller>> => {
    try {
      return await whoCalls(services.store.db, await sessions.idOf(token), services.clock.now());
    } catch (error) {
      if (error instanceof ToolError && error.code === 'FORBIDDEN') return { refusal: error };
      throw error;
    }
  };

  return {
    mayTry(response, token, address) {
      const wait = sessions.knows(token) ? 0 : failures.wait(address);
      if (wait > 0) replyLater(response, 429, wait, 'too many failed credentials');
      return wait === 0;
    },
    failed: failures.take,
    async whose(response, token, address) {
      const { session, refusal } = await callerOf(token);
      if (!refusal) return session?.id;
      failures.take(address);
      sessions.forget(token);
      if (session) await recordRefusal(services, session, 'session', refusal.rule ?? '', refusal);
      replyUnauthorized(response, refusal.message);
      return undefined;
    },
    admits(response, session) {
      const wait = rate.wait(session);
      if (wait > 0) {
        replyLater(response, 429, wait, 'too many requests');
        return false;
      }
      rate.take(session);
      const left = open.enter(session);
      if (left) response.once('close', left);
      else replyLater(response, 429, 1, 'too many requests at the same time');
      return left !== undefined;
    },
  };
}
