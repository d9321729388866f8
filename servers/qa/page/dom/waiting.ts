/**
 * Runs in the page before its own scripts: keeps account of what the page has put off for a moment, so that one
 * knows whether anything is still to come. The page's timers and frames run as they would.
 */
export function installWaiting(): void {
  const qa = window.millwrightQa;
  type Start = (task: TimerHandler, ms?: number, ...more: unknown[]) => number;
  const AGAIN_MS = 20;
  const later = window.setTimeout.bind(window) as Start;
  const every = window.setInterval.bind(window) as Start;
  const nextFrame = window.requestAnimationFrame.bind(window);
  /** When each timer is due; an interval counts until it has run once. */
  const due = new Map<number, number>();
  const frames = new Set<number>();

  const put =
    (start: Start) =>
    (task: TimerHandler, ms?: number, ...more: unknown[]): number => {
      if (typeof task !== 'function') return start(task, ms, ...more);
      const id = start(
        function (this: unknown, ...given: unknown[]) {
          due.delete(id);
          return task.apply(this, given);
        },
        ms,
        ...more,
      );
      due.set(id, performance.now() + (Number(ms) || 0));
      return id;
    };
  window.setTimeout = put(later) as typeof window.setTimeout;
  window.setInterval = put(every) as typeof window.setInterval;
  for (const name of ['clearTimeout', 'clearInterval'] as const) {
    const clear = window[name].bind(window);
    window[name] = (id) => {
      due.delete(Number(id));
      clear(id);
    };
  }
  window.requestAnimationFrame = (task) => {
    const id = nextFrame((at) => {
      frames.delete(id);
      task(at);
    });
    frames.add(id);
    return id;
  };
  const forget = window.cancelAnimationFrame.bind(window);
  window.cancelAnimationFrame = (id) => {
    frames.delete(id);
    forget(id);
  };

  qa.comesToRest = (most) =>
    new Promise((resolve) => {
      const end = performance.now() + most;
      const look = () => {
        const isAwaited = frames.size > 0 || [...due.values()].some((at) => at <= end);
        if (!isAwaited || performance.now() >= end) resolve(!isAwaited);
        else later(look, AGAIN_MS);
      };
      look();
    });

  qa.animationsEnd = (most) => {
    const running = document.getAnimations().filter((animation) => {
      const end = animation.effect?.getComputedTiming().endTime;
      return typeof end === 'number' && Number.isFinite(end) && animation.playState === 'running';
    });
    const ended = Promise.allSettled(running.map(({ finished }) => finished));
    return Promise.race([ended, new Promise((resolve) => later(resolve, most))]).then(() => undefined);
  };

  qa.pause = (ms) => new Promise((resolve) => later(resolve, ms));
}
