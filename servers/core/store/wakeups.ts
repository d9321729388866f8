/** No wait is longer than this without a look: a lost wake-up costs a moment, never a result. */
const SLOWEST_POLL_MS = 500;

/** Lets many waiters sleep until something changed. A wake-up is a hint; waiters always look again. */
export class Wakeups {
  readonly #waiting = new Set<() => void>();

  get hasWaiters(): boolean {
    return this.#waiting.size > 0;
  }

  wake(): void {
    for (const resolve of this.#waiting) resolve();
  }

  /** Resolves on the next wake-up, after `ms`, or when `signal` aborts. */
  next(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', done);
        this.#waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, Math.max(0, Math.min(ms, SLOWEST_POLL_MS)));
      signal?.addEventListener('abort', done, { once: true });
      this.#waiting.add(done);
      if (signal?.aborted) done();
    });
  }
}
