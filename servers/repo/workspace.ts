import { randomUUID } from 'node:crypto';
import { chmod, lstat, mkdir, realpath, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { latestSubmission } from '../core/conditions.ts';
import { cloneForAttempt, offerMainline } from '../core/git/attempt.ts';
import { headOfMain } from '../core/git/authority.ts';
import type { Repo } from '../core/git/git.ts';
import { compareAndSwap, NO_COMMIT, readRef } from '../core/git/objects.ts';
import type { HeldTask } from '../core/held.ts';
import { taskId } from '../core/ids.ts';
import { giveFolder, type OsUser } from '../core/os_user.ts';
import type { FactoryPaths } from '../core/paths.ts';
import type { Db } from '../core/store/store.ts';

type Attempt = Pick<HeldTask, 'id' | 'fence'>;

const nameOf = ({ id, fence }: Attempt) => `${taskId(id)}-${fence}`;

/** The folder of one attempt: this task under this fence, and no other. */
export const workspaceOf = (paths: FactoryPaths, attempt: Attempt) => join(paths.clones, nameOf(attempt));

/** Where the clone of a user who cannot see the authority pulls mainline from. */
const bundleOf = (folder: string) => `${folder}.bundle`;

/** Brings what such a user can pull up to mainline; for the servers' own user there is nothing to do. */
export async function refreshMainline(bare: Repo, paths: FactoryPaths, attempt: Attempt, user?: OsUser) {
  if (user) await offerMainline(bare, bundleOf(workspaceOf(paths, attempt)), user);
}

/**
 * Makes the clone of one attempt, or finds the one that was made. Work that was submitted to the same pipeline
 * and is not merged is gone on from; otherwise it starts at mainline. With `user` it is that user's, and nobody else's.
 */
export async function openWorkspace(
  bare: Repo,
  db: Db,
  paths: FactoryPaths,
  { task, agent, user: owner }: { task: HeldTask; agent: string; user: OsUser | undefined },
): Promise<{ folder: string; branch: string; base: string; isNew: boolean }> {
  const branch = nameOf(task);
  const base = await decideStart(bare, db, task);
  await mkdir(paths.clones, { recursive: true, mode: 0o700 });
  // Where users are separate it is a link, out of the home that agents cannot enter.
  const clones = await realpath(paths.clones);
  const folder = join(clones, branch);
  await refreshMainline(bare, paths, task, owner);
  if (await exists(folder)) return { folder, branch, base, isNew: false };
  const draft = join(clones, `.${branch}-${randomUUID()}`);
  try {
    const user = { name: agent, email: `${agent}@localhost` };
    const pulls = owner && bundleOf(folder);
    await cloneForAttempt(bare, draft, { branch, user, start: base, pulls });
    await chmod(draft, 0o700);
    if (owner) await giveFolder(draft, owner);
    await rename(draft, folder);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    if (!(await exists(folder))) throw error;
  }
  return { folder, branch, base, isNew: true };
}

const startRef = ({ id, fence }: Attempt) => `refs/starts/${id}/${fence}`;

/** Where an attempt started; undefined while it has no workspace. */
export const startOf = (bare: Repo, attempt: Attempt) => readRef(bare, startRef(attempt));

/** Decided once and kept as a reference, so that asking again says the same. */
async function decideStart(bare: Repo, db: Db, task: HeldTask): Promise<string> {
  const known = await startOf(bare, task);
  if (known) return known;
  const last = await latestSubmission(db, { pipeline: task.pipeline, task: task.id });
  const start = last && last.merged_commit === null ? last.commit_id : await headOfMain(bare);
  if (await compareAndSwap(bare, startRef(task), start, NO_COMMIT)) return start;
  return decideStart(bare, db, task);
}

const exists = (path: string) =>
  lstat(path).then(
    () => true,
    () => false,
  );
