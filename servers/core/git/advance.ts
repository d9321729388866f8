import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { MAIN } from './authority.ts';
import { GitRefusal, type Repo } from './git.ts';
import { compareAndSwap, isAncestor } from './objects.ts';

/**
 * Moves mainline from `old` to `next`, forward only. True if it moved; false, with nothing changed, if mainline was
 * not at `old` any more: build a new candidate. Throws `git.not-fast-forward` if `next` does not contain `old`.
 */
export async function advanceMain(bare: Repo, old: string, next: string): Promise<boolean> {
  if (!(await isAncestor(bare, old, next))) {
    throw new GitRefusal('git.not-fast-forward', 'Mainline only moves to a commit that contains it.');
  }
  return compareAndSwap(bare, MAIN, next, old);
}

/**
 * Removes what a killed server leaves behind, and returns its paths: lock files, which would stop every later
 * update, and half-done work in the scratch folder. Call it at start, under the server's exclusive lock, while no
 * git runs in the authority; the caller then redoes what its record says was intended.
 */
export async function recoverLocks(bare: Repo): Promise<string[]> {
  const entries = await readdir(bare.gitDir, { recursive: true });
  const locks = entries.filter((name) => name.endsWith('.lock')).map((name) => join(bare.gitDir, name));
  const halfDone = (await readdir(bare.scratch)).map((name) => join(bare.scratch, name));
  const left = [...locks, ...halfDone];
  for (const path of left) await rm(path, { recursive: true, force: true });
  return left;
}
