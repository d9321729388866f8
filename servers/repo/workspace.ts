import { randomUUID } from 'node:crypto';
import { lstat, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { latestSubmission } from '../core/conditions.ts';
import { cloneForAttempt } from '../core/git/attempt.ts';
import { headOfMain } from '../core/git/authority.ts';
import type { Repo } from '../core/git/git.ts';
import { compareAndSwap, NO_COMMIT, readRef } from '../core/git/objects.ts';
import type { HeldTask } from '../core/held.ts';
import { taskId } from '../core/ids.ts';
import type { FactoryPaths } from '../core/paths.ts';
import type { Db } from '../core/store/store.ts';

type Attempt = Pick<HeldTask, 'id' | 'fence'>;

const nameOf = ({ id, fence }: Attempt) => `${taskId(id)}-${fence}`;

/** The folder of one attempt: this task under this fence, and no other. */
export const workspaceOf = (paths: FactoryPaths, attempt: Attempt) => join(paths.clones, nameOf(attempt));

/**
 * Makes the clone of one attempt, or finds the one that was made. Work that was submitted to the same pipeline
 * and is not merged is gone on from; otherwise it starts at mainline.
 */
export async function openWorkspace(
  bare: Repo,
  db: Db,
  paths: FactoryPaths,
  { task, agent }: { task: HeldTask; agent: string },
): Promise<{ folder: string; branch: string; base: string; isNew: boolean }> {
  const branch = nameOf(task);
  const folder = workspaceOf(paths, task);
  const base = await decideStart(bare, db, task);
  if (await exists(folder)) return { folder, branch, base, isNew: false };
  await mkdir(paths.clones, { recursive: true, mode: 0o700 });
  const draft = join(paths.clones, `.${branch}-${randomUUID()}`);
  try {
    const user = { name: agent, email: `${agent}@localhost` };
    await cloneForAttempt(bare, draft, { branch, user, start: base });
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
