import { once } from 'node:events';
import { performance } from 'node:perf_hooks';

/** What a worker is told on its command line. */
export interface ClaimWork {
  readonly file: string;
  readonly session: string;
  readonly ms: number;
}

/**
 * Says that it is ready, waits to be let go, claims until the time is over, and says how often. `claim` returns
 * whether there was a task.
 */
export async function claimInWindow(ms: number, claim: () => Promise<boolean>): Promise<void> {
  process.stdout.write('ready\n');
  await once(process.stdin, 'data');
  let claims = 0;
  for (const end = performance.now() + ms; performance.now() < end; claims++) {
    if (!(await claim())) throw new Error('There were too few tasks for this machine.');
  }
  process.stdout.write(`${claims}\n`, () => process.exit(0));
}
