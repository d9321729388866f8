/**
 * Lets this process's clock be set: everything that asks for the time of day here gets it `offset` milliseconds
 * off. Timers are not touched, as they are not when a machine's clock is set.
 */
export function settableClock(): { set(offset: number): void } {
  const real = Date.now.bind(Date);
  let offset = 0;
  Date.now = () => real() + offset;
  return {
    set(ms) {
      offset = ms;
    },
  };
}
