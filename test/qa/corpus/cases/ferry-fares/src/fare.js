const FULL = 800;

/** The fare in cents of a group, given the ages. */
export const fare = (ages) => ages.filter((age) => age >= 6).length * FULL;
