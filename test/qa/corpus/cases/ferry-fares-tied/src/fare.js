const FULL = 800;

/** The fare in cents of a group, given the ages. */
export function fare(ages) {
  const full = ages.filter((age) => age >= 6).length * FULL;
  return ages.length >= 10 ? Math.round(full * 0.85) : full;
}
