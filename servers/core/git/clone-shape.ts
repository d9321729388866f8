import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { GitRefusal } from './git.ts';

/** The refusal of a clone that is not as it was made. */
export const notAClone = (why: string, cause?: unknown) =>
  new GitRefusal('git.not-a-clone', `${why} Work in the clone as workspace_open made it.`, cause);

async function folder(path: string, name: string, uid: number | undefined): Promise<void> {
  const stat = await lstat(path).catch((cause: unknown) => {
    throw notAClone(`The clone has no ${name}.`, cause);
  });
  if (!stat.isDirectory()) throw notAClone(`The clone's ${name} is not a real folder.`);
  if (uid !== undefined && stat.uid !== uid) throw notAClone(`The clone's ${name} belongs to another user.`);
}

async function absent(path: string, name: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found) throw notAClone(`The clone borrows from another repository (${name}).`);
}

async function realFilesOnly(path: string): Promise<void> {
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (entry.isDirectory()) await realFilesOnly(join(path, entry.name));
    else if (!entry.isFile()) throw notAClone("The clone's objects are not all real files.");
  }
}

/**
 * Checks that a clone's objects are its own: `.git` is a real folder of user `uid`, and nothing points elsewhere.
 * Throws `git.not-a-clone`. An agent can change the clone right afterwards: what is read is safe by `copyClone`
 * alone, and this tells what is wrong.
 */
export async function checkCloneShape(clone: string, uid: number | undefined): Promise<void> {
  const gitDir = join(clone, '.git');
  await folder(clone, 'folder', uid);
  await folder(gitDir, '.git', uid);
  await folder(join(gitDir, 'objects'), '.git/objects', uid);
  await folder(join(gitDir, 'refs'), '.git/refs', uid);
  await absent(join(gitDir, 'commondir'), 'commondir');
  await absent(join(gitDir, 'objects', 'info', 'alternates'), 'alternates');
  await absent(join(gitDir, 'objects', 'info', 'http-alternates'), 'http-alternates');
  await realFilesOnly(join(gitDir, 'objects')).catch((error: unknown) => {
    if (error instanceof GitRefusal) throw error;
    throw notAClone('The clone changed while it was read.', error);
  });
}
