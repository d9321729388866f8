import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Runs `work` in a folder of its own, which goes with it: also on Ctrl-C, SIGTERM and SIGHUP, which abort `signal`
 * for the processes that `work` started and end this one with 130.
 */
export async function inScratch<T>(work: (folder: string, signal: AbortSignal) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'millwright-bench-'));
  const interrupted = new AbortController();
  const clear = () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  const interrupt = () => {
    interrupted.abort();
    process.exitCode = 130;
    setTimeout(() => {
      clear();
      process.exit();
    }, 300);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  // Not `once`: execa ends this process when it finds no other listener.
  for (const signal of signals) process.on(signal, interrupt);
  try {
    return await work(folder, interrupted.signal);
  } finally {
    for (const signal of signals) process.off(signal, interrupt);
    clear();
  }
}
