import { endSession } from './identity.ts';
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
 * session that made no call for the factory's progress limit is no longer beaten for.
 */
export function startBeats(services: Services, session: string): { touch(): void; stop(): Promise<void> } {
  let progress = services.clock.now();
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const beat = async () => {
    let pause = 1000;
    try {
      const { factory } = await services.factory();
      pause = factory.lease.beat * 1000;
      const now = services.clock.now();
      if (now - progress < factory.lease.progress * 1000) {
        await services.store.transaction(async (tx) => {
          await tx
            .updateTable('sessions')
            .set({ beat_at: now, progress_at: progress })
            .where('id', '=', session)
            .execute();
          await beatLeases(tx, session, now, now + leaseMs(factory));
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
      await services.store.transaction((tx) => endSession(tx, session, services.clock.now()));
    },
  };
}
