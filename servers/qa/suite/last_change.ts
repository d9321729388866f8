import { emptyAuthority } from '../../core/git/authority.ts';
import { GitRefusal } from '../../core/git/git.ts';
import { takeIn } from '../../core/git/intake.ts';
import { SUBMISSION_LIMITS } from '../../core/git/limits.ts';
import { parentsOf } from '../../core/git/objects.ts';
import { readResult } from '../../core/sandbox/sandbox.ts';
import { withRoom } from '../room.ts';
import { type ChangedSources, changedSources } from './change.ts';

const MAX_REFS = 10_000_000;
const COMMIT = /^[0-9a-f]{40}$/;

/**
 * What the commit that is checked out in a folder changes against the one before it; or why that cannot be told.
 * No git runs in the folder: its objects are taken in as a submission's are.
 */
export async function lastChange(folder: string): Promise<ChangedSources | { why: string }> {
  const commit = await headOf(folder);
  if (commit === undefined) return { why: 'it is no git repository with a commit' };
  try {
    return await withRoom(async (room) => {
      const repo = await emptyAuthority(room);
      await takeIn(repo, { clone: folder, commit, ref: 'refs/adopt/head', limits: SUBMISSION_LIMITS });
      const [parent] = await parentsOf(repo, commit);
      return parent === undefined
        ? { why: 'there is no commit before the last' }
        : await changedSources(repo, parent, commit);
    });
  } catch (error) {
    if (!(error instanceof GitRefusal)) throw error;
    return { why: `the repository could not be read (${error.message})` };
  }
}

/** The commit that is checked out, by git's files alone. */
async function headOf(folder: string): Promise<string | undefined> {
  const read = (path: string) =>
    readResult(folder, path, MAX_REFS).then(
      (bytes) => bytes.toString('latin1').trim(),
      () => '',
    );
  const head = await read('.git/HEAD');
  const ref = /^ref: (refs\/[\w./-]+)$/.exec(head)?.[1];
  if (ref === undefined) return COMMIT.test(head) ? head : undefined;
  const loose = ref.includes('..') ? '' : await read(`.git/${ref}`);
  if (COMMIT.test(loose)) return loose;
  const packed = (await read('.git/packed-refs')).split('\n').find((line) => line.endsWith(` ${ref}`));
  const commit = packed?.slice(0, 40);
  return commit !== undefined && COMMIT.test(commit) ? commit : undefined;
}
