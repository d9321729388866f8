import { setTimeout as sleep } from 'node:timers/promises';
import type { Page, Request } from 'playwright-core';

/** Silence after which nothing is to come that a request, a timer or a frame did not announce. */
const QUIET_MS = 150;
/** Silence where something may come unannounced: from a worker, over an open line, or out of a frame. */
const UNANNOUNCED_MS = 500;
const MOST_MS = 2_000;
const ANIMATION_MS = 800;
const POLL_MS = 15;

interface Traffic {
  /** Asked for and not answered yet. */
  open: Set<Request>;
  /** When a request was made or answered last, as `performance.now()`. */
  last: number;
  /** What brings something that no request shows. */
  lines: boolean;
}

const accounts = new WeakMap<Page, Traffic>();

/** Keeps account of what a page asks for from here on; `comeToRest` rests on it. */
export function countRequests(page: Page): void {
  const traffic: Traffic = { open: new Set(), last: performance.now(), lines: false };
  const touch = () => {
    traffic.last = performance.now();
  };
  const ended = (request: Request) => {
    traffic.open.delete(request);
    touch();
  };
  page.on('request', (request) => {
    // What the document before has asked for is of no concern.
    if (request.isNavigationRequest() && request.frame() === page.mainFrame()) {
      traffic.open.clear();
      traffic.lines = false;
    }
    traffic.open.add(request);
    touch();
  });
  page.on('requestfinished', ended);
  page.on('requestfailed', ended);
  const unannounced = () => {
    traffic.lines = true;
  };
  page.on('websocket', unannounced);
  page.on('worker', unannounced);
  page.on('frameattached', unannounced);
  accounts.set(page, traffic);
}

/**
 * Waits until the page asks for nothing, has been silent for a moment, and has no timer or frame of its own that is
 * due within half a second of silence: whichever comes first of that and of `most` milliseconds.
 */
export async function comeToRest(page: Page, most = MOST_MS): Promise<void> {
  const traffic = accounts.get(page);
  const started = performance.now();
  const end = started + most;
  for (;;) {
    const quiet = !traffic || traffic.lines ? UNANNOUNCED_MS : QUIET_MS;
    const left = () =>
      traffic?.open.size ? POLL_MS : Math.max(started, traffic?.last ?? 0) + quiet - performance.now();
    for (let ms = left(); ms > 0 && performance.now() < end; ms = left()) await sleep(Math.min(ms, POLL_MS));
    const before = traffic?.last;
    const more = Math.min(UNANNOUNCED_MS - quiet, end - performance.now());
    if (more <= 0) return;
    await page.evaluate((ms) => window.millwrightQa.comesToRest(ms), more).catch(() => undefined);
    if (traffic?.last === before && traffic?.open.size === 0) return;
  }
}

/** Waits for animations that end, bounded. */
export const animationsEnd = (page: Page): Promise<void> =>
  page.evaluate((most) => window.millwrightQa.animationsEnd(most), ANIMATION_MS).catch(() => undefined);
