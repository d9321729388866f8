import { createInterface } from 'node:readline';
import { endUser } from '../../servers/core/sandbox/end_user.ts';
import { killMarked } from '../../servers/core/sandbox/process-tree.ts';

/**
 * Outlives its runner by a moment: told of each host that was launched (`+ PID MARK UID`, without UID for one of its own user) and of each that ended
 * (`- PID`), it kills what is left when the runner's end of the pipe closes, however the runner died.
 */
const running = new Map<number, { mark: string; uid: number | undefined }>();

for await (const line of createInterface({ input: process.stdin })) {
  const [what, pid, mark = '', uid] = line.split(' ');
  if (what === '+') running.set(Number(pid), { mark, uid: uid ? Number(uid) : undefined });
  else running.delete(Number(pid));
}
await Promise.all(
  [...running].map(async ([pid, { mark, uid }]) => {
    await killMarked(pid, mark);
    if (uid !== undefined) await endUser(uid);
  }),
);
