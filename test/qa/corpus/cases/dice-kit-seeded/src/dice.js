/** The sum of `count` dice. `random` gives numbers from 0 to below 1. */
export function roll(count, random = Math.random) {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += 1 + Math.floor(random() * 6);
  return sum;
}
