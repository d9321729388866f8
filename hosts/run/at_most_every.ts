/** Work that is asked for more often than it has to be done. */
export interface Paced {
  /** Has the work done once more, at once when it was not done for a while, else at the end of that while. */
  ask(): void;
  /** Resolves when none is under way; what was asked for and not begun is dropped. */
  stop(): Promise<void>;
}

/** Paces `work`: it never runs twice at a time, nor twice within `ms`, and once after the last time it was asked for. */
export function atMostEvery(ms: number, work: () => Promise<void>): Paced {
  let wanted = false;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let last = Number.NEGATIVE_INFINITY;
  const plan = () => {
    if (!wanted || timer || running) return;
    timer = setTimeout(begin, Math.max(0, last + ms - performance.now()));
  };
  const begin = () => {
    [timer, wanted, last] = [undefined, false, performance.now()];
    running = work().finally(() => {
      running = undefined;
      plan();
    });
  };
  return {
    ask() {
      wanted = true;
      plan();
    },
    async stop() {
      wanted = false;
      clearTimeout(timer);
      await running;
    },
  };
}
