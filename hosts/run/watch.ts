import { setTimeout as sleep } from 'node:timers/promises';
import type { HostStream, Launch, Seen } from './port.ts';
import type { HostProcess, Watchdog } from './process.ts';
import { launchHost } from './process.ts';

/** Why a host was ended before it ended by itself. */
export interface Cut {
  readonly outcome: 'limit' | 'stopped';
  readonly why: string;
}

export interface Watched {
  readonly exit: number | null;
  readonly errors: string;
  readonly cut: Cut | undefined;
}

export interface Watching {
  readonly launch: Launch;
  readonly watchdog: Pick<Watchdog, 'watch' | 'forget'>;
  readonly stream: HostStream;
  readonly silenceMs: number;
  readonly totalMs: number;
  /** Aborted with a `Cut` as its reason when somebody wants the run stopped. */
  readonly signal: AbortSignal;
  started(host: HostProcess): Promise<void>;
  /** Called with every event, before the next one is read; what it answers ends the host at once. */
  event(seen: Readonly<Seen>): string | undefined;
}

const LOOK_MS = 200;

/**
 * Runs a host until it ends or has to be ended: at a limit within the event that reached it, after too long a silence,
 * after its whole time, or because somebody stops it. Resolves when nothing of it runs any more.
 */
export async function watchHost(watching: Watching): Promise<Watched> {
  const { launch, watchdog, stream, signal } = watching;
  let host: HostProcess | undefined;
  let cut: Cut | undefined;
  let last = performance.now();
  const end = (outcome: Cut['outcome'], why: string) => {
    if (cut) return;
    cut = { outcome, why };
    void host?.kill();
  };
  const take = (line: string) => {
    if (cut) return;
    last = performance.now();
    stream.take(line);
    const why = watching.event(stream.seen);
    if (why) end('limit', why);
  };
  host = await launchHost(launch, watchdog, take);
  if (cut) void host.kill();
  const started = performance.now();
  const onStop = () => end('stopped', (signal.reason as Cut).why);
  signal.addEventListener('abort', onStop, { once: true });
  if (signal.aborted) onStop();
  let isOver = false;
  const looking = (async () => {
    while (!isOver) {
      await sleep(LOOK_MS);
      const now = performance.now();
      if (now - last > watching.silenceMs) end('limit', `It was silent for ${watching.silenceMs / 1000} s.`);
      if (now - started > watching.totalMs) end('limit', `It ran for ${watching.totalMs / 60_000} minutes.`);
    }
  })();
  try {
    await watching.started(host);
    const { exit, errors } = await host.ended;
    return { exit, errors, cut };
  } finally {
    isOver = true;
    signal.removeEventListener('abort', onStop);
    await host.kill();
    await looking;
  }
}
