const DAY = 86_400_000;

/** Whole days from `a` to `b`; negative when b is earlier. */
export const daysBetween = (a, b) => Math.round((Date.parse(b) - Date.parse(a)) / DAY);

/** Is `year` a leap year? */
export const isLeap = (year) => (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
