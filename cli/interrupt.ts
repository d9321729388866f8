import { EXIT } from './failures.ts';

/** A terminal sends Ctrl-C to each process at it, and the launcher hands it on to the Node it started: one wish, twice. */
const SAME_MS = 1000;

/**
 * Calls `stop` when a signal asks this process to end, so that it can give back what it holds. Further signals within
 * a second count as the same one; a later one ends the process at once.
 */
export function onInterrupt(stop: () => void, signals: readonly NodeJS.Signals[]): void {
  let first: number | undefined;
  const hear = () => {
    const now = performance.now();
    if (first === undefined) {
      first = now;
      stop();
    } else if (now - first > SAME_MS) process.exit(EXIT.interrupted);
  };
  for (const signal of signals) process.on(signal, hear);
}
