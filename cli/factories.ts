import { readdir, readFile, realpath, statfs } from 'node:fs/promises';
import { basename, join, resolve, sep } from 'node:path';
import { openServices } from '../servers/core/open.ts';
import { type FactoryPaths, factoriesFolder, factoryPaths } from '../servers/core/paths.ts';
import type { Services } from '../servers/core/services.ts';
import { CommandError, diskFull, EXIT, isAmbiguous } from './failures.ts';
import type { GlobalOptions } from './handled.ts';
import { onInterrupt } from './interrupt.ts';

export const NAME = /^[a-z][a-z0-9-]{0,39}$/;

/** What `init` notes about the person's repository, beside the factory's state. */
export interface Product {
  readonly repository: string;
}

/** The folder of all factories: --home, else $MILLWRIGHT_HOME, else ~/.millwright. */
export const homeOf = (options: GlobalOptions): string =>
  resolve(options.home ?? factoriesFolder(process.env));

/** The names of the factories in a folder; none when there is no such folder. */
export async function listFactories(home: string): Promise<string[]> {
  const entries = await readdir(home, { withFileTypes: true }).catch(() => []);
  const names = entries
    .filter((entry) => entry.isDirectory() && NAME.test(entry.name))
    .map(({ name }) => name);
  const found = await Promise.all(names.map((name) => isFactory(join(home, name))));
  return names.filter((_, at) => found[at]).sort();
}

export const isFactory = async (folder: string): Promise<boolean> =>
  (await readFile(join(folder, 'factory.yaml')).catch(() => undefined)) !== undefined;

/** The repository a factory was made for; undefined when it was made without one. */
export async function productOf(paths: FactoryPaths): Promise<Product | undefined> {
  const text = await readFile(productFile(paths), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as Product);
}

export const productFile = (paths: FactoryPaths): string => join(paths.home, 'product.json');

/**
 * The factory a command is about: the one named, else the one whose product repository holds the current folder,
 * else the only one. Throws when there is none or the choice is open.
 */
export async function findFactory(options: GlobalOptions): Promise<FactoryPaths> {
  const home = homeOf(options);
  const names = await listFactories(home);
  if (options.factory !== undefined) {
    if (names.includes(options.factory)) return factoryPaths(join(home, options.factory));
    throw none(`There is no factory "${options.factory}" in ${home}`, names);
  }
  const here = await realpath(process.cwd());
  for (const name of names) {
    const paths = factoryPaths(join(home, name));
    const product = await productOf(paths);
    const within = [product?.repository, paths.home].some((folder) => folder && isWithin(here, folder));
    if (within) return paths;
  }
  const [only] = names;
  if (only !== undefined && names.length === 1) return factoryPaths(join(home, only));
  throw names.length === 0
    ? none(`There is no factory in ${home}`, names)
    : new CommandError(
        'WHICH_FACTORY',
        `There are several factories in ${home}: ${names.join(', ')}.`,
        'Name one with --factory NAME.',
        EXIT.usage,
      );
}

function none(what: string, names: readonly string[]): CommandError {
  const remedy =
    names.length > 0 ? `Name one of ${names.join(', ')}.` : 'Run `millwright init` in a git repository.';
  return new CommandError('NO_FACTORY', `${what}.`, remedy, EXIT.notSetUp);
}

const isWithin = (path: string, folder: string) => path === folder || path.startsWith(folder + sep);

/** Opens the store of a factory for one command and closes it, however the command ends. Runs no jobs. */
export async function withFactory<T>(
  options: GlobalOptions,
  work: (services: Services, name: string) => Promise<T>,
): Promise<T> {
  const paths = await findFactory(options);
  try {
    const services = await openServices(paths.home, { databaseUrl: process.env.DATABASE_URL });
    try {
      return await work(services, basename(paths.home));
    } finally {
      await services.close();
    }
  } catch (error) {
    if (isAmbiguous(error) && (await statfs(paths.home)).bavail === 0) throw diskFull();
    throw error;
  }
}

/** As withFactory, with the whole fleet loaded and its jobs run by this process; `log` takes what they say beside their results. */
export async function openFactory(options: GlobalOptions, log?: (line: string) => void) {
  const paths = await findFactory(options);
  const { loadFleet } = await import('../servers/fleet.ts');
  const fleet = await loadFleet();
  const services = await openServices(paths.home, {
    databaseUrl: process.env.DATABASE_URL,
    jobs: fleet.jobs,
    sessionOpened: fleet.sessionOpened,
    ...(log && { log }),
  });
  return { fleet, services };
}

/**
 * As openFactory, for one command, and closes it however the command ends. Ctrl-C gives back what this process was
 * doing and throws INTERRUPTED; `goesOn` then says how to go on.
 */
export async function withFleet<T>(
  options: GlobalOptions,
  { goesOn, log }: { goesOn: string; log?: (line: string) => void },
  work: (services: Services) => Promise<T>,
): Promise<T> {
  const { services } = await openFactory(options, log);
  const interrupted = new Promise<never>((_, reject) => {
    const stop = () => reject(new CommandError('INTERRUPTED', 'Interrupted.', goesOn, EXIT.interrupted));
    onInterrupt(stop, ['SIGINT', 'SIGTERM', 'SIGHUP']);
  });
  try {
    return await Promise.race([work(services), interrupted]);
  } finally {
    await services.close();
  }
}
