import { Socket } from 'node:net';
import pg from 'pg';

export interface EarOptions {
  /** How often the link is tried, in milliseconds: a half-open one looks like one on which nothing happens. */
  checkMs?: number;
  /** How long connecting and a check may take. */
  patienceMs?: number;
  /** What the server says on the channel. */
  heard(payload: string): void;
  /** Called whenever the link is there again: what was said meanwhile was not heard. */
  reopened(): void;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;
export const KEEP_ALIVE = { keepAlive: true, keepAliveInitialDelayMillis: 10_000 } as const;

/**
 * Keeps one connection that listens on `channel`. When it breaks, or no longer answers, another one takes its
 * place, with growing pauses between tries and until `stop`. Throws when the first connection cannot be made.
 */
export async function listen(
  url: string,
  channel: string,
  { checkMs = 15_000, patienceMs = 5000, heard, reopened }: EarOptions,
): Promise<{ stop(): Promise<void> }> {
  const over = new AbortController();
  const open = () => openLink(url, channel, patienceMs, heard);
  let link = await open();
  const kept = keep();
  return {
    async stop() {
      over.abort();
      link.cut();
      await kept;
    },
  };

  async function keep(): Promise<void> {
    while (!over.signal.aborted) {
      await untilBroken(link, checkMs);
      link.cut();
      for (let pause = FIRST_PAUSE_MS; !over.signal.aborted; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
        await sleep(pause * (0.5 + Math.random() / 2), over.signal);
        const next = over.signal.aborted ? undefined : await open().catch(() => undefined);
        if (!next) continue;
        link = next;
        if (over.signal.aborted) link.cut();
        else reopened();
        break;
      }
    }
  }
}

interface Link {
  /** Aborted when the connection has ended. */
  readonly ended: AbortSignal;
  /** Rejects when the server does not answer in time. */
  check(): Promise<unknown>;
  cut(): void;
}

async function openLink(
  url: string,
  channel: string,
  patienceMs: number,
  heard: (payload: string) => void,
): Promise<Link> {
  const ended = new AbortController();
  // Our own socket: a client says goodbye before it lets go, and a link that is half open never answers that.
  const socket = new Socket();
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: patienceMs,
    query_timeout: patienceMs,
    stream: () => socket,
    ...KEEP_ALIVE,
  });
  client.on('error', () => ended.abort());
  client.on('end', () => ended.abort());
  client.on('notification', ({ payload }) => heard(payload ?? ''));
  const cut = () => void socket.destroy();
  try {
    await client.connect();
    await client.query(`listen ${channel}`);
  } catch (error) {
    cut();
    throw error;
  }
  return { ended: ended.signal, check: () => client.query('select 1'), cut };
}

async function untilBroken(link: Link, checkMs: number): Promise<void> {
  while (!link.ended.aborted) {
    await sleep(checkMs, link.ended);
    const answers = await link.check().then(
      () => true,
      () => false,
    );
    if (!answers) return;
  }
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms).unref();
    signal.addEventListener('abort', done, { once: true });
    if (signal.aborted) done();
  });
}
