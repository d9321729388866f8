const A_DAY = 25;
const MOST = 1000;

/** The fine in cents for a book that is `days` late. */
export const fine = (days) => Math.min(MOST, Math.max(0, days) * A_DAY);
