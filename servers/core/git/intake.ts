import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { copyClone } from './clone_objects.ts';
import { checkCloneShape } from './clone-shape.ts';
import { GitError, GitRefusal, type GitResult, git, type Repo, runGit } from './git.ts';
import { checkNewObjects, checkTreeSize, type IntakeLimits, SUBMISSION_LIMITS, tooLarge } from './limits.ts';
import { commitId, readRef, withScratch } from './objects.ts';

export type Submission = {
  /** The clone's working folder; hostile. */
  clone: string;
  commit: string;
  /** Where the commit is kept, under `refs/tasks/` or `refs/adopt/`. */
  ref: string;
  limits?: IntakeLimits;
  /** The user the clone belongs to, if not the server's own: only that user's files are then read. */
  owner?: { uid: number };
};

const ARRIVED = 'refs/in/tip';
const QUIET_FETCH = ['fetch', '-q', '--no-tags', '--no-write-fetch-head', '--no-recurse-submodules'];

function checkRef(ref: string): string {
  const parts = ref.split('/');
  const wellFormed = parts.every((part) => /^[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?=[A-Za-z0-9]))*$/.test(part));
  const ours = parts.length > 2 && parts[0] === 'refs' && (parts[1] === 'tasks' || parts[1] === 'adopt');
  if (wellFormed && ours && !parts.some((part) => part.endsWith('.lock'))) return ref;
  throw new GitRefusal('git.bad-name', 'Commits are taken in under refs/tasks/ or refs/adopt/ only.');
}

async function packBytes(repo: Repo): Promise<number> {
  const packs = join(repo.gitDir, 'objects', 'pack');
  const names = await readdir(packs).catch(() => []);
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(packs, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function openIntake(bare: Repo, folder: string): Promise<Repo> {
  const intake = { ...bare, gitDir: join(folder, 'intake.git') };
  await mkdir(join(intake.gitDir, 'objects', 'info'), { recursive: true });
  await git(intake, ['init', '-q', '--bare', '--template=']);
  await writeFile(join(intake.gitDir, 'objects', 'info', 'alternates'), `${join(bare.gitDir, 'objects')}\n`);
  return intake;
}

/** Why a fetch from a clone failed, in the words of the one who owns the clone. Git's own words stay in `cause`. */
function explain(result: GitResult, size: number, limits: IntakeLimits): GitRefusal {
  const cause = new GitError('fetch', result);
  if (result.timedOut) return tooLarge('The commit took too long to take in.', cause);
  if (size >= limits.packBytes)
    return tooLarge(`The change is larger than ${limits.packBytes} bytes.`, cause);
  if (/not our ref|couldn't find remote ref/.test(result.stderr)) {
    return new GitRefusal('git.unknown-commit', 'The clone has no such commit. Commit first.', cause);
  }
  return new GitRefusal('git.malformed', 'The clone does not hand over a sound commit.', cause);
}

async function fetchExactly(
  intake: Repo,
  source: string,
  commit: string,
  limits: IntakeLimits,
): Promise<void> {
  const args = [...QUIET_FETCH, '--end-of-options', source, `${commit}:${ARRIVED}`];
  const result = await runGit(intake, args, { timeoutMs: limits.timeMs, maxFileBytes: limits.packBytes });
  const size = await packBytes(intake);
  // A shallow or doctored clone can end a fetch with exit 0 and nothing fetched: only the reference is proof.
  const arrived = result.code === 0 && !result.timedOut ? await readRef(intake, ARRIVED) : undefined;
  if (arrived !== commit || size > limits.packBytes) throw explain(result, size, limits);
}

async function checkRelated(intake: Repo, commit: string, main: string): Promise<void> {
  const result = await runGit(intake, ['merge-base', main, commit]);
  if (result.code === 0) return;
  if (result.code !== 1) throw new GitRefusal('git.malformed', 'The commit has no readable history.');
  throw new GitRefusal('git.unrelated', 'The commit shares no history with the mainline. Start from it.');
}

async function publish(
  bare: Repo,
  intake: Repo,
  commit: string,
  ref: string,
  timeoutMs: number,
): Promise<void> {
  const before = await readRef(bare, ref);
  if (
    before !== undefined &&
    (await runGit(intake, ['merge-base', '--is-ancestor', before, commit])).code !== 0
  ) {
    throw new GitRefusal(
      'git.rewrite',
      'An earlier submission is not in this history. Add commits, do not rewrite.',
    );
  }
  await git(bare, [...QUIET_FETCH, '--end-of-options', intake.gitDir, `${commit}:${ref}`], { timeoutMs });
  const after = await readRef(bare, ref);
  if (after !== commit) throw new Error(`${ref} is at ${after}, not at ${commit}`);
}

/**
 * Brings one exact commit from a hostile clone into the authority as `ref`.
 *
 * No git process has the clone as its repository, not even to serve a fetch: its objects are copied first, and
 * nothing else of it is read. The commit passes a throw-away repository, is checked by fsck there and measured against the limits; a refused commit leaves nothing
 * in the authority. A reference is only ever extended, never rewritten.
 *
 * Throws {@link GitRefusal}: `git.bad-id`, `git.bad-name`, `git.not-a-clone`, `git.unknown-commit`,
 * `git.malformed`, `git.too-large`, `git.unrelated`, `git.rewrite`.
 */
export async function takeIn(bare: Repo, submission: Submission): Promise<void> {
  const commit = commitId(submission.commit);
  const ref = checkRef(submission.ref);
  const limits = submission.limits ?? SUBMISSION_LIMITS;
  await checkCloneShape(submission.clone, submission.owner?.uid ?? process.geteuid?.());
  await withScratch(bare, async (folder) => {
    const intake = await openIntake(bare, folder);
    const copy = join(folder, 'copy.git');
    const uid = submission.owner?.uid;
    await copyClone(copy, { clone: resolve(submission.clone), commit, uid, timeMs: limits.timeMs });
    await fetchExactly(intake, copy, commit, limits);
    await rm(copy, { recursive: true });
    await checkTreeSize(intake, commit, limits);
    const main = await readRef(bare, 'refs/heads/main');
    await checkNewObjects(intake, commit, main, limits);
    if (main !== undefined) await checkRelated(intake, commit, main);
    await publish(bare, intake, commit, ref, limits.timeMs);
  });
}
