import { randomUUID } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { GitRefusal, git, gitLine, type Repo, serverConfig } from './git.ts';
import { takeIn } from './intake.ts';
import { SEED_LIMITS } from './limits.ts';
import { commitTree, compareAndSwap, NO_COMMIT, readRef, withScratch } from './objects.ts';
import { formProblem } from './path-form.ts';

/** The one branch that counts. Only the server moves it, only forward. */
export const MAIN = 'refs/heads/main';

const SEED = 'refs/adopt/seed';

// Whatever a tree's .gitattributes say, files come out of the authority with the bytes that were committed.
const EXACT_BYTES = '* -filter -ident -text -working-tree-encoding -eol\n';

export type InitialFile = { path: string; content: string | Uint8Array; executable?: boolean };

export type Start =
  /** An exact commit of a repository that the person owns. */
  { seed: { path: string; commit: string } } | { initial: readonly InitialFile[]; message: string; at: Date };

/**
 * The authority that lies in the state folder, whether or not it has been created yet.
 * Writes the server's git configuration beside it; starts no git.
 */
export async function openAuthority(state: string): Promise<Repo> {
  const folder = resolve(state);
  const bare: Repo = {
    gitDir: join(folder, 'mainline.git'),
    config: join(folder, 'server.gitconfig'),
    scratch: join(folder, 'scratch'),
  };
  await mkdir(bare.gitDir, { recursive: true });
  await mkdir(bare.scratch, { recursive: true, mode: 0o700 });
  // Renamed into place: another process may be reading it.
  const fresh = join(bare.scratch, `config-${randomUUID()}`);
  await writeFile(fresh, serverConfig());
  await rename(fresh, bare.config);
  return bare;
}

async function writeTree(bare: Repo, files: readonly InitialFile[]): Promise<string> {
  const entries: string[] = [];
  for (const file of files) {
    const problem = formProblem(file.path);
    if (problem) throw new GitRefusal('path.form', `${JSON.stringify(file.path)}: ${problem}`);
    const blob = await gitLine(bare, ['hash-object', '-w', '--stdin'], { input: file.content });
    entries.push(`${file.executable ? '100755' : '100644'} ${blob}\t${file.path}\0`);
  }
  return withScratch(bare, async (folder) => {
    const env = { GIT_INDEX_FILE: join(folder, 'index') };
    await git(bare, ['update-index', '-z', '--add', '--index-info'], { env, input: entries.join('') });
    return gitLine(bare, ['write-tree'], { env });
  });
}

async function firstCommit(bare: Repo, start: Start): Promise<string> {
  if ('initial' in start) return commitTree(bare, await writeTree(bare, start.initial), [], start);
  const { path, commit } = start.seed;
  await takeIn(bare, { clone: path, commit, ref: SEED, limits: SEED_LIMITS });
  return commit;
}

/** Makes the authority's repository, with nothing in it, or finds the one that is there. */
export async function emptyAuthority(state: string): Promise<Repo> {
  const bare = await openAuthority(state);
  await git(bare, ['init', '-q', '--bare', '--template=', '--initial-branch=main']);
  // An agent's mistaken `git push` is refused; the server itself never pushes.
  await git(bare, ['config', 'receive.hideRefs', 'refs']);
  await mkdir(join(bare.gitDir, 'info'), { recursive: true });
  await writeFile(join(bare.gitDir, 'info', 'attributes'), EXACT_BYTES);
  return bare;
}

/**
 * Makes the authority: a bare repository in the state folder, whose mainline starts from one commit of a person's
 * repository (through the same intake as any submission) or from an initial set of files.
 *
 * It can be called again after a crash; throws `git.exists` once there is a mainline.
 */
export async function createAuthority(state: string, start: Start): Promise<Repo> {
  const bare = await emptyAuthority(state);
  const exists = () => new GitRefusal('git.exists', 'This factory has a mainline already.');
  if (await readRef(bare, MAIN)) throw exists();
  const first = await firstCommit(bare, start);
  if (!(await compareAndSwap(bare, MAIN, first, NO_COMMIT))) throw exists();
  return bare;
}

/** The commit that mainline is at. */
export async function headOfMain(bare: Repo): Promise<string> {
  const head = await readRef(bare, MAIN);
  if (head === undefined) throw new Error('the authority has no mainline');
  return head;
}
