import { createInterface } from 'node:readline';
import { killMarked } from '../../servers/core/sandbox/process-tree.ts';

/**
 * Outlives its runner by a moment: told of each host that was launched (`+ PID MARK`) and of each that ended
 * (`- PID`), it kills what is left when the runner's end of the pipe closes, however the runner died.
 */
const running = new Map<number, string>();

for await (const line of createInterface({ input: process.stdin })) {
  const [what, pid, mark = ''] = line.split(' ');
  if (what === '+') running.set(Number(pid), mark);
  else running.delete(Number(pid));
}
await Promise.all([...running].map(([pid, mark]) => killMarked(pid, mark)));
