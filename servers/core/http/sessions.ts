import { type Beats, type Connection, startBeats } from '../connection.ts';
import { hashToken, sessionByToken } from '../identity.ts';
import type { Services } from '../services.ts';
import type { AnyTool } from '../tool.ts';

/** The sessions that agents use at this server. Others may serve the same ones: all that counts is in the store. */
export interface HttpSessions {
  /** Whether this token's session was served here before; says nothing about its rights. */
  knows(token: string): boolean;
  /** The id of the token's session. Throws `FORBIDDEN` for a token that this factory never gave out. */
  idOf(token: string): Promise<string>;
  /** The connection of a session, which beats for it from the first time on. */
  connect(token: string): Promise<Connection>;
  forget(token: string): void;
  /** Gives a session's connection up to the caller, who stops or leaves it; undefined when there is none here. */
  take(session: string): (Connection & Beats) | undefined;
  /**
   * For a server that ends. With one store for several machines its agents may go on at another one, so a session
   * keeps what it holds until its leases end by themselves; with a file nobody can, and every session ends.
   */
  close(): Promise<void>;
}

export function httpSessions(services: Services, fleet: ReadonlyMap<string, AnyTool>): HttpSessions {
  const ids = new Map<string, string>();
  const connections = new Map<string, Connection & Beats>();
  const forget = (token: string) => void ids.delete(hashToken(token));
  const idOf = async (token: string) =>
    ids.get(hashToken(token)) ?? (await sessionByToken(services.store.db, token));
  return {
    knows: (token) => ids.has(hashToken(token)),
    idOf,
    forget,
    take(session) {
      const connection = connections.get(session);
      connections.delete(session);
      return connection;
    },
    async connect(token) {
      const session = await idOf(token);
      const known = connections.get(session);
      if (known) return known;
      ids.set(hashToken(token), session);
      const beats = startBeats(services, session, () => {
        connections.delete(session);
        forget(token);
      });
      const connection = { fleet, services, session, ...beats };
      connections.set(session, connection);
      return connection;
    },
    async close() {
      const others = services.store.dialect === 'postgres';
      const done = [...connections.values()].map(({ leave, stop }) => (others ? leave() : stop()));
      await Promise.allSettled(done);
    },
  };
}
