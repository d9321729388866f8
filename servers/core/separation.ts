import { chmod, cp, lstat, mkdir, realpath, rename, rm, stat, symlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { replaceFile } from './files.ts';
import { findUser, type OsUser, whyNotAs } from './os_user.ts';
import type { FactoryPaths } from './paths.ts';
import { readSeparation, separationFile } from './separation_file.ts';

/** Tier 2 of one factory: the users that agents run as, and the folder outside the home where they work. */
export interface Separation {
  readonly users: readonly OsUser[];
  /** Users may pass through it and not look around: `clones` and `runs` are in it, each of one user. */
  readonly folder: string;
}

/** Separate users were asked for and cannot be had; nothing runs with less. */
export class NotSeparate extends Error {
  override readonly name = 'NotSeparate';
}

/**
 * The separation that was set up, after this process showed that it can become each of its users; undefined when none
 * was. Throws `NotSeparate` with the reason when it cannot.
 */
export async function openSeparation(paths: FactoryPaths): Promise<Separation | undefined> {
  const set = await readSeparation(paths);
  if (!set) return undefined;
  return { folder: set.folder, users: await usersNamed(set.users) };
}

async function usersNamed(names: readonly string[]): Promise<OsUser[]> {
  const users: OsUser[] = [];
  for (const name of names) {
    const user = await findUser(name);
    if (!user) throw new NotSeparate(`There is no user ${name}.`);
    const why = await whyNotAs(user);
    if (why) throw new NotSeparate(why);
    if (users.some(({ uid }) => uid === user.uid)) throw new NotSeparate(`${name} is named twice.`);
    users.push(user);
  }
  return users;
}

/**
 * Sets separate users up, or again: a folder that agents pass through, outside the home, takes the clones, and the
 * home is closed. Throws `NotSeparate` and changes nothing when a user cannot be become.
 */
export async function setUpSeparation(
  paths: FactoryPaths,
  names: readonly string[],
  folder: string,
): Promise<Separation> {
  const users = await usersNamed(names);
  if ((await lstat(paths.home)).uid !== process.geteuid?.())
    throw new NotSeparate(
      `${paths.home} belongs to another user; set the factory up as the user of the servers.`,
    );
  await ownFolder(folder);
  const real = await realpath(folder);
  await refuseOthersWay(real);
  for (const name of ['clones', 'runs']) await ownFolder(join(real, name));
  await moveClones(paths.clones, join(real, 'clones'));
  await replaceFile(
    separationFile(paths),
    JSON.stringify({ users: users.map(({ name }) => name), folder: real }),
  );
  return { users, folder: real };
}

/** Goes back to one shared user; the clones stay where they are. */
export const forgetSeparation = (paths: Pick<FactoryPaths, 'home'>) =>
  rm(separationFile(paths), { force: true });

/**
 * Makes a folder that others pass through, whatever the umask. One that is there is taken only when it is this user's
 * and nobody else can put anything into it.
 */
async function ownFolder(path: string): Promise<void> {
  const isNew = (await mkdir(path, { recursive: true })) !== undefined;
  const found = await stat(path);
  if (found.uid !== process.geteuid?.() || (found.mode & 0o022) !== 0)
    throw new NotSeparate(`${path} is not the servers' own; name another folder with --agents-folder.`);
  if (isNew) await chmod(path, 0o711);
}

/** Nobody but root and this user may rename what is on the way to the agents' folder. */
async function refuseOthersWay(folder: string): Promise<void> {
  for (let path = folder; ; path = dirname(path)) {
    const { mode, uid } = await lstat(path);
    const isOpen = (mode & 0o022) !== 0 && (mode & 0o1000) === 0;
    if (isOpen || (uid !== 0 && uid !== process.geteuid?.()))
      throw new NotSeparate(`Others can change ${path}; name another folder with --agents-folder.`);
    if ((mode & 0o001) === 0)
      throw new NotSeparate(`Agents cannot pass through ${path}; name another folder with --agents-folder.`);
    if (path === dirname(path)) return;
  }
}

async function moveClones(from: string, to: string): Promise<void> {
  const found = await lstat(from).catch(() => undefined);
  if (found?.isSymbolicLink() && (await realpath(from)) === to) return;
  if (found?.isSymbolicLink()) throw new NotSeparate(`${from} leads elsewhere; the first set-up chose that.`);
  if (found) {
    await cp(from, to, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
    await rename(from, `${from}-before`);
  }
  await symlink(to, `${from}.draft`);
  await rename(`${from}.draft`, from);
  if (found) await rm(`${from}-before`, { recursive: true, force: true });
}

/** Where agents work unless another folder is named: outside every home, one for each factory of this machine. */
export const usualFolder = ({ home }: Pick<FactoryPaths, 'home'>): string =>
  join('/var/lib/millwright', `${basename(home)}-${lettersOf(home)}`);

/** A few letters that tell homes of the same name apart. */
function lettersOf(path: string): string {
  let sum = 0;
  for (const letter of path) sum = (sum * 31 + (letter.codePointAt(0) ?? 0)) % 2_176_782_336;
  return sum.toString(36).padStart(6, '0');
}
