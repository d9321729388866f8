import { readdir } from 'node:fs/promises';
import { delimiter, dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { listedProcesses } from '../servers/core/census.ts';
import { asUser, type OsUser } from '../servers/core/os_user.ts';
import type { FactoryPaths } from '../servers/core/paths.ts';
import {
  forgetSeparation,
  NotSeparate,
  openSeparation,
  type Separation,
  setUpSeparation,
  usualFolder,
} from '../servers/core/separation.ts';
import { productOf } from './factories.ts';
import { CommandError, EXIT } from './failures.ts';

/** What a user reached that no agent may: a rule and the path or process. */
export interface Reached {
  readonly what: 'reads' | 'changes' | 'signals';
  readonly path: string;
}

const MOST_PATHS = 2000;
const DEPTH = 3;
const REMEDY =
  'Start it as root, with users that have no other use; `millwright up --no-user` goes back to one shared user.';

/** For `up`: sets up the users it was given, forgets them, or takes those that were set up; throws CommandError. */
export async function separationFor(
  paths: FactoryPaths,
  { user, agentsFolder }: { user?: string[] | boolean; agentsFolder?: string },
): Promise<Separation | undefined> {
  if (user === false) await forgetSeparation(paths);
  const set = Array.isArray(user)
    ? () => setUpSeparation(paths, user, agentsFolder ?? usualFolder(paths))
    : () => openSeparation(paths);
  const separation = await orSaid(set);
  if (separation) await refuseReach(paths, separation.users);
  return separation;
}

async function orSaid<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof NotSeparate)) throw error;
    throw new CommandError('NOT_SEPARATE', error.message, REMEDY, EXIT.notSetUp);
  }
}

async function refuseReach(paths: FactoryPaths, users: readonly OsUser[]): Promise<void> {
  for (const user of users) {
    const [first] = await reachOf(paths, user);
    if (!first) continue;
    const message = `Users are not separate: ${user.name} ${first.what} ${first.path}.`;
    throw new CommandError(
      'NOT_SEPARATE',
      message,
      'Take that right away, then start it again.',
      EXIT.notSetUp,
    );
  }
}

/**
 * What an agent that runs as `user` really gets at, tried as that user: the factory's home, the servers' programs, the
 * person's checkout, the processes of the servers.
 */
export async function reachOf(paths: FactoryPaths, user: OsUser): Promise<Reached[]> {
  const own = await below(paths.home, DEPTH);
  const product = await productOf(paths);
  const programs = [process.execPath, fileURLToPath(import.meta.url)];
  const kept = [paths.home, ...own, ...programs, ...programs.map((path) => dirname(path)), ...searchPath()];
  const checkout = product ? [product.repository, join(product.repository, '.git')] : [];
  const pids = (await listedProcesses(paths.home)).flatMap(({ runs, pid }) => (runs ? [pid] : []));
  const servers = [process.pid, ...pids];
  const environs = servers.map((pid) => `/proc/${pid}/environ`);
  return [
    ...(await tried(user, '[ -r "$one" ]', [paths.home, ...own, ...environs], 'reads')),
    ...(await tried(user, '[ -w "$one" ]', [...kept, ...checkout], 'changes')),
    ...(await tried(user, 'kill -0 "$one"', servers.map(String), 'signals')),
  ];
}

/** The paths for which `test`, run as the user, holds. Throws when it could not be run: that is no proof. */
async function tried(
  user: OsUser,
  test: string,
  paths: readonly string[],
  what: Reached['what'],
): Promise<Reached[]> {
  const script = `for one; do if ${test} 2>/dev/null; then printf '%s\\0' "$one"; fi; done; printf done`;
  const [file = '', ...args] = asUser(user, ['sh', '-c', script, 'sh', ...paths]);
  const { stdout, exitCode } = await execa(file, args, { reject: false, cwd: '/', timeout: 20_000 });
  const found = stdout.split('\0');
  if (exitCode !== 0 || found.pop() !== 'done')
    throw new Error(`What ${user.name} reaches could not be tried.`);
  return found.map((path) => ({ what, path }));
}

/** Paths below a folder, so deep, and so many that one command line holds them. */
async function below(folder: string, depth: number): Promise<string[]> {
  if (depth === 0) return [];
  const found: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
    const path = join(folder, entry.name);
    // A link leads out of the home, to what users are meant to pass through.
    if (entry.isSymbolicLink()) continue;
    found.push(path);
    if (entry.isDirectory()) found.push(...(await below(path, depth - 1)));
    if (found.length > MOST_PATHS) break;
  }
  return found.slice(0, MOST_PATHS);
}

const searchPath = (): string[] =>
  (process.env.PATH ?? '').split(delimiter).filter((path) => isAbsolute(path));
