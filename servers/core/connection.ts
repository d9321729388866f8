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

/**
 * Beats for a session while its host is connected: its leases stay alive without the agent doing anything. A
 * session that made no call for the factory's progress limit is no longer beaten for; one that was revoked or
 * expired is ended, and `onEnd` called.
 */
export function startBeats(
  services: Services,
  session: string,
  onEnd = () => {},
): { touch(): void; stop(): Promise<void> } {
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
          await beatLeases(tx, session, now, now + leaseMs(factory));
          await tx
            .updateTable('sessions')
            .set({ beat_at: now, progress_at: progress })
            .where('id', '=', session)
            .execute();
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
  };
}
