import { endSession, whoCalls } from './identity.ts';
import { beatLeases, leaseMs } from './leases.ts';
import type { Services } from './services.ts';
import type { AnyTool } from './tool.ts';

/** One host's connection: which tools there are, and as which session it speaks. */
export interface Connection {
  readonly fleet: ReadonlyMap<string, AnyTool>;
  readonly services: Services;
  readonly session: string;
  /** Notes that the host did something, for the no-progress limit. */
  touch(): void;
}

/** Of a beat: so soon after one, by whichever server, another one is not written. */
const TOO_SOON = 0.9;

export interface Beats {
  touch(): void;
  /** Ends the session. */
  stop(): Promise<void>;
  /** Beats for the last time and leaves the session as it is: its host may go on elsewhere before its leases end. */
  leave(): Promise<void>;
}

/**
 * Beats for a session while its host is connected: its leases stay alive without the agent doing anything. A
 * session that made no call for the factory's progress limit is no longer beaten for; one that was revoked or
 * expired is ended, and `onEnd` called. However many servers beat for a session, one beat is written a beat.
 */
export function startBeats(services: Services, session: string, onEnd = () => {}): Beats {
  let progress = services.clock.now();
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const end = () => services.store.transaction((tx) => endSession(tx, session, services.clock.now()));
  const beat = async () => {
    let pause = 1000;
    try {
      const { factory } = await services.factory();
      pause = factory.lease.beat * 1000;
      const now = services.clock.now();
      if ((await whoCalls(services.store.db, session, now)).refusal) {
        stopped = true;
        await end();
        return onEnd();
      }
      if (now - progress < factory.lease.progress * 1000) {
        await services.store.transaction(async (tx) => {
          const { numUpdatedRows } = await tx
            .updateTable('sessions')
            .set({ beat_at: now, progress_at: progress })
            .where('id', '=', session)
            .where('beat_at', '<=', now - TOO_SOON * pause)
            .executeTakeFirst();
          if (numUpdatedRows > 0n) await beatLeases(tx, session, now, now + leaseMs(factory));
        });
      }
    } catch (error) {
      services.log(`beat: ${String(error)}`);
    }
    if (!stopped) timer = setTimeout(() => void beat(), pause).unref();
  };
  timer = setTimeout(() => void beat(), 100).unref();
  return {
    touch() {
      progress = services.clock.now();
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await end();
    },
    async leave() {
      stopped = true;
      clearTimeout(timer);
      await beat();
    },
  };
}
