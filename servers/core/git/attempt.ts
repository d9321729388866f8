import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { chmod, chown, copyFile, mkdir, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { MAIN } from './authority.ts';
import { GitRefusal, git, type Repo } from './git.ts';
import { commitId, type Person, withScratch } from './objects.ts';

/** What the agent's clone calls the authority. */
const REMOTE = 'factory';

export type Attempt = {
  branch: string;
  /** Written to the clone's configuration as `user.name` and `user.email`; proves nothing. */
  user: Person;
  /** Where the work goes on from: a commit in the authority. Default: mainline. */
  start?: string;
  /** Where the clone pulls mainline from, when the authority is out of its reach; default: the authority. */
  pulls?: string | undefined;
};

function checkBranch(branch: string): string {
  const parts = branch.split('/');
  const wellFormed = parts.every((part) => /^[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?=[A-Za-z0-9]))*$/.test(part));
  if (wellFormed && branch !== 'main' && !parts.some((part) => part.endsWith('.lock'))) return branch;
  throw new GitRefusal('git.bad-name', 'A branch name has letters, digits, and . _ - / between them.');
}

/**
 * Makes an agent's clone in the new folder `dir`: on its own branch, which `git pull` brings up to mainline.
 *
 * Its objects are copies, so nothing done to the clone harms the authority. This is the last time that the server
 * runs git in it: from here on it belongs to the agent, and commits leave it through `takeIn` only.
 */
export async function cloneForAttempt(bare: Repo, dir: string, attempt: Attempt): Promise<void> {
  const branch = checkBranch(attempt.branch);
  const folder = resolve(dir);
  await mkdir(folder);
  const clone: Repo = { ...bare, gitDir: join(folder, '.git') };
  const how = ['--no-hardlinks', '--no-checkout', '--single-branch', '--no-tags', '--template='];
  await git(bare, ['clone', '-q', ...how, `--origin=${REMOTE}`, '--', bare.gitDir, folder]);
  await git(clone, ['config', 'user.name', attempt.user.name]);
  await git(clone, ['config', 'user.email', attempt.user.email]);
  await git(clone, ['config', `remote.${REMOTE}.pushurl`, 'use-change_submit-instead-of-push']);
  const start = attempt.start === undefined ? undefined : commitId(attempt.start);
  if (start) await git(clone, ['fetch', '-q', '--no-tags', '--no-write-fetch-head', REMOTE, start]);
  const inFolder = [`--work-tree=${folder}`, 'checkout', '-q', '--no-track', '-b', branch];
  await git(clone, [...inFolder, start ?? `${REMOTE}/main`, '--']);
  await git(clone, ['branch', '-q', `--set-upstream-to=${REMOTE}/main`, branch]);
  await git(clone, ['branch', '-q', '-D', 'main']);
  if (attempt.pulls) await git(clone, ['config', `remote.${REMOTE}.url`, attempt.pulls]);
}

/**
 * Puts mainline, as it is now, into one file that a clone can pull from, and gives that file to `user`; one that is
 * there is replaced as a whole.
 */
export async function offerMainline(bare: Repo, file: string, user: { uid: number; gid: number }) {
  const draft = `${file}.${randomUUID()}.draft`;
  try {
    await withScratch(bare, async (folder) => {
      const made = join(folder, 'mainline.bundle');
      await git(bare, ['bundle', 'create', '-q', made, MAIN]);
      await copyFile(made, draft, constants.COPYFILE_EXCL);
    });
    await chmod(draft, 0o400);
    await chown(draft, user.uid, user.gid);
    await rename(draft, file);
  } finally {
    await rm(draft, { force: true });
  }
}
