const A_DAY = 25;

/** The fine in cents for a book that is `days` late. */
export const fine = (days) => Math.max(0, days) * A_DAY;
