import type { Landing } from '../core/git/candidate.ts';
import { type Change, diffDigest } from '../core/git/changes.ts';
import { git, type Repo } from '../core/git/git.ts';
import { commitId, compareAndSwap, NO_COMMIT, type Person, readRef } from '../core/git/objects.ts';
import type { Row } from '../core/store/schema.ts';

/** An agent (or `human:<name>`) as the author of a commit. What its own commits say about that is not looked at. */
export function authorOf(agent: string): Person {
  const name = agent.replace(/^human:/, '');
  return { name, email: `${name}@localhost` };
}

/**
 * Message, author and time of a commit that lands; control characters become spaces.
 *
 * @param at milliseconds since 1970
 */
export function landingOf(agent: string, text: string, trailer: string, at: number): Landing {
  const clean = text.replace(/[^\P{Cc}\n\t]/gu, ' ').trim();
  return { message: `${clean}\n\n${trailer}\n`, author: authorOf(agent), at: new Date(at) };
}

/** The message of a commit that a server made. */
export async function messageOf(bare: Repo, commit: string): Promise<string> {
  const text = (await git(bare, ['cat-file', 'commit', commitId(commit)])).toString('utf8');
  return text.slice(text.indexOf('\n\n') + 2);
}

/** A candidate as the row of its submission names it. */
export type Kept = Pick<Row<'submissions'>, 'commit_id' | 'tree_id' | 'base_commit' | 'diff_digest'>;

/** Keeps a candidate, which is in no branch, from being collected. */
export async function keepCandidate(
  bare: Repo,
  { commit, tree }: { commit: string; tree: string },
  base: string,
  changed: readonly Change[],
): Promise<Kept> {
  const ref = `refs/candidates/${commitId(commit)}`;
  if (!(await compareAndSwap(bare, ref, commit, NO_COMMIT)) && (await readRef(bare, ref)) !== commit)
    throw new Error(`${ref} is not at its commit`);
  return { commit_id: commit, tree_id: tree, base_commit: base, diff_digest: diffDigest(changed) };
}
