import { setTimeout as sleep } from 'node:timers/promises';

/** How many requests visitors sent in some time, and how many of them failed. */
export interface Visits {
  asked: number;
  failed: number;
}

/** People who read a page of the product all the time. */
export interface Visitors {
  /** What they saw of the requests begun from one time up to another, in milliseconds since 1970. */
  between(from: number, to: number): Visits;
  leave(): Promise<void>;
}

const SEVERAL = 3;
const PAUSE_MS = 5;
const PATIENCE_MS = 10_000;
/** As browsers send it: a list. */
const HEADERS = { 'accept-language': 'de-DE,de;q=0.9,en;q=0.8' };

/** A request has failed that brought 500 or above, or no answer. */
export function visit(page: string): Visitors {
  const seen: { begun: number; failed: boolean }[] = [];
  const gone = new AbortController();
  const read = async () => {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const answer = await fetch(page, { headers: HEADERS, signal });
    await answer.arrayBuffer();
    return answer.status >= 500;
  };
  const walk = async () => {
    while (!gone.signal.aborted) {
      const begun = Date.now();
      const failed = await read().catch(() => true);
      seen.push({ begun, failed });
      await sleep(PAUSE_MS);
    }
  };
  const walking = Promise.all(Array.from({ length: SEVERAL }, walk));
  return {
    between(from, to) {
      const those = seen.filter(({ begun }) => begun >= from && begun < to);
      return { asked: those.length, failed: those.filter(({ failed }) => failed).length };
    },
    async leave() {
      gone.abort();
      await walking;
    },
  };
}
