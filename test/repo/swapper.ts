import { renameSync, symlinkSync, unlinkSync } from 'node:fs';

/**
 * Puts a symbolic link to `target` in the place of `path` and the real one back, as fast as it can, until it is
 * killed. It leaves either as it happens to be; the real one is at `path` or at `path.aside`.
 */
const [path = '', target = ''] = process.argv.slice(2);
const aside = `${path}.aside`;
/** Long enough for a check to see one and the use the other, in every proportion. */
const LONGEST_PAUSE_MS = 4;

process.stdout.write('swapping\n');
for (;;) {
  pause();
  attempt(() => renameSync(path, aside));
  attempt(() => symlinkSync(target, path));
  pause();
  attempt(() => unlinkSync(path));
  attempt(() => renameSync(aside, path));
}

function pause(): void {
  const until = performance.now() + Math.random() ** 2 * LONGEST_PAUSE_MS;
  while (performance.now() < until);
}

/** A server may have put its own file there meanwhile. */
function attempt(step: () => void): void {
  try {
    step();
  } catch {}
}
