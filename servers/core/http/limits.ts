/** What one server lets happen at once; docs/running.md lists the defaults. */
export interface HttpLimits {
  /** Connections kept; beyond them the one that has been idle longest is closed. */
  readonly connections: number;
  /** Milliseconds a client may take to send the head of a request. */
  readonly headersMs: number;
  /** Milliseconds a client may take to send a whole request. */
  readonly requestMs: number;
  /** Requests of one session that may be unanswered at the same time. */
  readonly open: number;
  /** Requests of one session: at once after a pause, and each second in the long run. */
  readonly session: Rate;
  /** Credentials that do not count, from one address. */
  readonly failures: Rate;
}

export interface Rate {
  readonly burst: number;
  readonly perSecond: number;
}

export const HTTP_LIMITS: HttpLimits = {
  connections: 1000,
  headersMs: 10_000,
  requestMs: 30_000,
  open: 100,
  session: { burst: 1000, perSecond: 100 },
  failures: { burst: 60, perSecond: 1 },
};

/** Keys remembered; of more, the one that was used longest ago starts anew. */
const MOST_KEYS = 10_000;

export interface Buckets {
  /** Seconds, rounded up, until the key may go on; 0 when it may now. */
  wait(key: string): number;
  /** Counts one against the key. */
  take(key: string): void;
}

/** A token bucket for every key, by a clock that only goes forward. */
export function buckets({ burst, perSecond }: Rate, seconds = () => performance.now() / 1000): Buckets {
  const used = new Map<string, { left: number; at: number }>();
  const leftOf = (key: string) => {
    const known = used.get(key);
    return known ? Math.min(burst, known.left + (seconds() - known.at) * perSecond) : burst;
  };
  return {
    wait: (key) => Math.ceil(Math.max(0, 1 - leftOf(key)) / perSecond),
    take(key) {
      const left = leftOf(key) - 1;
      used.delete(key);
      used.set(key, { left, at: seconds() });
      const [oldest] = used.keys();
      if (used.size > MOST_KEYS && oldest !== undefined) used.delete(oldest);
    },
  };
}

/** Counts what is open for every key; `enter` is undefined when the key has `most` open already. */
export function counted(most: number) {
  const open = new Map<string, number>();
  return {
    enter(key: string): (() => void) | undefined {
      const before = open.get(key) ?? 0;
      if (before >= most) return undefined;
      open.set(key, before + 1);
      return () => {
        const left = (open.get(key) ?? 1) - 1;
        if (left > 0) open.set(key, left);
        else open.delete(key);
      };
    },
  };
}
