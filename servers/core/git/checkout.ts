import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { git, type Repo } from './git.ts';
import { commitId, withScratch } from './objects.ts';

/**
 * Writes the tree of a commit into the new folder `dir`, with the exact bytes that were committed and no `.git`.
 * Executable bits and symbolic links are kept; submodules become empty folders. Fails if `dir` exists.
 */
export async function checkoutTree(bare: Repo, commit: string, dir: string): Promise<void> {
  const id = commitId(commit);
  const folder = resolve(dir);
  await mkdir(folder);
  await withScratch(bare, async (scratch) => {
    const env = { GIT_INDEX_FILE: join(scratch, 'index') };
    await git(bare, ['read-tree', `${id}^{commit}`], { env });
    await git(bare, [`--work-tree=${folder}`, 'checkout-index', '-a', '-q'], { env, timeoutMs: 300_000 });
  });
}
