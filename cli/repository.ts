import { realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type SimpleGit, simpleGit } from 'simple-git';
import { CommandError, EXIT } from './failures.ts';

/** The name of the authority in the person's own repository. */
const REMOTE = 'factory';

/** A person's own repository: its folder and a git that runs there. */
export interface OwnRepository {
  readonly root: string;
  readonly git: SimpleGit;
}

/** The repository that holds the folder `from`. Throws `CommandError` outside of one; git missing is its own error. */
export async function ownRepository(from: string): Promise<OwnRepository> {
  const git = simpleGit(from);
  const root = await git.revparse(['--show-toplevel']).catch((error: Error) => {
    if (/ENOENT/.test(error.message)) throw error;
    throw new CommandError(
      'NO_REPOSITORY',
      'This folder is not in a git repository.',
      'Go to the repository of your product, or run `git init` and commit something first.',
      EXIT.notSetUp,
    );
  });
  const path = await realpath(root);
  return { root: path, git: simpleGit(path) };
}

/** The commit that is checked out. Throws `CommandError` in a repository without one. */
export async function headOf({ git }: OwnRepository): Promise<string> {
  const head = await git.raw(['rev-parse', '--verify', '--quiet', 'HEAD^{commit}']).catch(() => '');
  if (head.trim()) return head.trim();
  throw new CommandError(
    'NO_COMMIT',
    'This repository has no commit yet.',
    'Commit something, then run `millwright init` again.',
  );
}

/** Whether files that git knows were changed since the last commit. */
export async function hasChanges({ git }: OwnRepository): Promise<boolean> {
  return (await git.raw(['status', '--porcelain', '--untracked-files=no'])).trim() !== '';
}

/** Adds the authority as remote `factory`, with the attestations; says false when another remote has the name. */
export async function addFactoryRemote({ git }: OwnRepository, authority: string): Promise<boolean> {
  const url = (await git.raw(['config', '--get', `remote.${REMOTE}.url`]).catch(() => '')).trim();
  if (url !== '' && url !== authority) return false;
  if (url === '') {
    await git.addRemote(REMOTE, authority);
    await git.addConfig(`remote.${REMOTE}.fetch`, '+refs/attest/*:refs/attest/*', true);
  }
  return true;
}

/** The statements kept about a commit in a person's repository, by name. */
export async function ownAttestations({ git }: OwnRepository, commit: string) {
  const ref = `refs/attest/${commit}`;
  const names = await git.raw(['ls-tree', '-z', '--name-only', '--end-of-options', ref]).catch(() => '');
  const read = async (name: string) => ({
    name,
    bytes: await git.raw(['cat-file', 'blob', `${ref}:${name}`]),
  });
  return Promise.all(names.split('\0').filter(Boolean).map(read));
}

/** The absolute path of a file that git keeps for a repository. */
export async function pathInGit({ git, root }: OwnRepository, name: string): Promise<string> {
  return resolve(root, (await git.revparse(['--git-path', name])).trim());
}
