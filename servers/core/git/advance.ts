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
