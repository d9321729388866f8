export const bar = (value, most, width) => '#'.repeat(Math.round((value / most) * width));
