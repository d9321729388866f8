import type { Miniflare } from 'miniflare';
import { matches } from '../cron.ts';
import { leading, workerName } from './bindings.ts';
import type { Site } from './workerd_options.ts';

const MINUTE = 60_000;

/** What is used of a Worker; Miniflare's own types need packages of the Workers platform. */
interface Scheduled {
  /** A handler that throws is no error here: its outcome says so. */
  scheduled(event: { cron: string; scheduledTime: Date }): Promise<{ outcome: string }>;
}

/**
 * Calls the `scheduled` handler of each product's leading version at the minutes (UTC) that its crons name. Returns
 * how to stop. A handler that fails is reported; minutes at which no runtime ran are not made up for.
 */
export function runCrons(
  miniflare: Pick<Miniflare, 'getWorker'>,
  sites: () => readonly Site[],
  onLog: (line: string) => void,
): () => void {
  let timer: NodeJS.Timeout;
  const next = () => {
    timer = setTimeout(tick, MINUTE - (Date.now() % MINUTE)).unref();
  };
  const tick = () => {
    const now = new Date(Math.round(Date.now() / MINUTE) * MINUTE);
    for (const site of sites()) void runDue(miniflare, site, now, onLog);
    next();
  };
  next();
  return () => clearTimeout(timer);
}

/** Calls what is due for one product at one minute. */
async function runDue(
  miniflare: Pick<Miniflare, 'getWorker'>,
  { product, shares, loaded }: Site,
  now: Date,
  onLog: (line: string) => void,
): Promise<void> {
  const leader = loaded.find(({ version }) => version.version === leading(shares))?.version;
  for (const cron of leader?.config.crons.filter((one) => matches(one, now)) ?? []) {
    try {
      const worker: unknown = await miniflare.getWorker(workerName(product, leader?.version ?? ''));
      const { outcome } = await (worker as Scheduled).scheduled({ cron, scheduledTime: now });
      if (outcome !== 'ok') onLog(`error ${product} ${cron}: it ended with ${outcome}`);
    } catch (error) {
      onLog(`error ${product} ${cron}: ${error instanceof Error ? error.message : error}`);
    }
  }
}
