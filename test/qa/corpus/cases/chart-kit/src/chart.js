import { bar } from '../vendor/plotter/index.js';

/** One line per entry, the longest bar 20 wide. */
export function chart(entries) {
  const most = Math.max(...entries.map(([, value]) => value));
  return entries.map(([name, value]) => `${name.padEnd(8)} ${bar(value, most, 20)}`).join('\n');
}
