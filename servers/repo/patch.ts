import { GitError, type Repo, runGit } from '../core/git/git.ts';
import { commitId } from '../core/git/objects.ts';

/** A diff that is longer is read path by path. */
const LONGEST_PATCH = 8 * 2 ** 20;
const PLAIN = ['-r', '-p', '--no-color', '--no-renames', '--no-ext-diff', '--no-textconv', '--full-index'];

/** The patch between two commits, of one path (taken literally) or all; `cut` when it is longer than 8 MiB. */
export async function patchText(
  bare: Repo,
  base: string,
  tip: string,
  path: string | undefined,
): Promise<{ text: string; cut: boolean }> {
  const range = [commitId(base), commitId(tip), '--', ...(path === undefined ? [] : [path])];
  const args = ['--literal-pathspecs', 'diff-tree', ...PLAIN, '--ignore-submodules=none', ...range];
  const result = await runGit(bare, args, { maxBytes: LONGEST_PATCH });
  if (!result.truncated && (result.code !== 0 || result.timedOut)) throw new GitError('diff-tree', result);
  return { text: result.stdout.toString('utf8'), cut: result.truncated };
}

/**
 * The page of `text` from `offset`: at most `longest` characters, no pair of surrogates split, and
 * no more than `room` characters once written as JSON. `next` is where the following page begins; null at the end.
 */
export function pageOf(
  text: string,
  offset: number,
  { longest, room }: { longest: number; room: number },
): { page: string; next: number | null } {
  let end = Math.min(text.length, offset + longest);
  for (;;) {
    if (end < text.length && end - offset > 1 && /[\uD800-\uDBFF]/.test(text.charAt(end - 1))) end -= 1;
    const page = text.slice(offset, end);
    const size = JSON.stringify(page).length;
    if (size <= room || end - offset <= 1) return { page, next: end < text.length ? end : null };
    end = offset + Math.max(1, Math.floor(((end - offset) * room) / size) - 1);
  }
}
