/** Where time comes from. Agents never supply it; tests supply their own. Milliseconds since 1970, UTC. */
export interface Clock {
  now(): number;
}

let latest = 0;

/** The machine's clock, which here never runs backwards: a clock set back must not lengthen a lease. */
export const systemClock: Clock = {
  now() {
    latest = Math.max(latest, Date.now());
    return latest;
  },
};
