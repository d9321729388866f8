import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, systemClock } from './clock.ts';
import { type Applied, loadApplied } from './factory/applied.ts';
import { JobQueue, type JobRunner } from './jobs.ts';
import { factoryPaths } from './paths.ts';
import { scrub } from './secrets/scrub.ts';
import type { Services } from './services.ts';
import { openStore, type Store } from './store/store.ts';
import { SweepGuard, startSweeper } from './sweeper.ts';
import { otherMachineOfTarget, targetElsewhere } from './target/machine.ts';
import type { Target } from './target/target.ts';
import type { SessionOpened } from './tool.ts';

export interface OpenOptions {
  clock?: Clock;
  /** A PostgreSQL URL; without it the store is the file in the factory's folder. */
  databaseUrl?: string | undefined;
  /** The kinds of long work this process can run. */
  jobs?: Readonly<Record<string, JobRunner>>;
  sessionOpened?: SessionOpened;
  log?: (line: string) => void;
}

/** Jobs that need the local target, which one machine has. */
const NEEDS_TARGET = /^release\./;

/**
 * Opens what a process of the factory in `home` works with. `close` ends timers, jobs and the store. Throws
 * `ForeignStore` for a database that belongs to another factory.
 */
export async function openServices(
  home: string,
  options: OpenOptions = {},
): Promise<Services & { close(): Promise<void> }> {
  const paths = factoryPaths(home);
  await mkdir(paths.home, { recursive: true, mode: 0o700 });
  const store = await openStore(options.databaseUrl ?? paths.database);
  const shared = store.dialect === 'postgres' && !options.clock ? await clockOf(store) : undefined;
  const clock = options.clock ?? shared ?? systemClock;
  const runners = options.jobs ?? {};
  const isShared = store.dialect === 'postgres' && options.jobs !== undefined;
  const elsewhere = isShared ? await otherMachineOfTarget(paths.targets) : undefined;
  const jobs = new JobQueue(elsewhere === undefined ? runners : withoutTarget(runners));
  const log = options.log ?? ((line: string) => void process.stderr.write(`millwright: ${line}\n`));
  const services: Services = {
    paths,
    store,
    clock,
    jobs,
    runsAs: new Map(),
    sweepGuard: new SweepGuard(clock.now()),
    factory: cachedFactory(store),
    sandbox: once(() => openSandboxFor(services)),
    target: remembered((name) => openTarget(services, name, elsewhere)),
    key: once(async () => (await import('./signing/factory_key.ts')).openFactoryKey(paths.keys)),
    secrets: (of) => secretsOf(services, of),
    sessionOpened: async (agent) =>
      options
        .sessionOpened?.(services, agent)
        .catch((error) => services.log(`session of ${agent}: ${String(error)}`)),
    log: (line) => log(scrub(line)),
  };
  if (store.dialect === 'postgres') await bound(services);
  jobs.start(services);
  const stopSweeper = startSweeper(services);
  return {
    ...services,
    async close() {
      stopSweeper();
      await jobs.stop();
      shared?.stop();
      await store.close();
    },
  };
}

async function clockOf(store: Store) {
  try {
    return await (await import('./store/database_clock.ts')).startDatabaseClock(store.db);
  } catch (error) {
    await store.close();
    throw error;
  }
}

const withoutTarget = (jobs: Readonly<Record<string, JobRunner>>) =>
  Object.fromEntries(Object.entries(jobs).filter(([kind]) => !NEEDS_TARGET.test(kind)));

async function bound(services: Services): Promise<void> {
  try {
    await (await import('./home.ts')).bindStore(services);
  } catch (error) {
    await services.store.close();
    throw error;
  }
}

function cachedFactory(store: Store): Services['factory'] {
  let applied: Applied | undefined;
  return async (version) => {
    const newest = version ?? (await newestVersion(store));
    if (applied?.version !== newest) applied = await loadApplied(store.db);
    return applied;
  };
}

async function newestVersion(store: Store): Promise<number> {
  const row = await store.db
    .selectFrom('factory_versions')
    .select((eb) => eb.fn.max<number>('id').as('id'))
    .executeTakeFirst();
  return row?.id ?? 0;
}

async function openSandboxFor(services: Services) {
  const [{ openSandbox }, { readSeparation }] = await Promise.all([
    import('./sandbox/sandbox.ts'),
    import('./separation_file.ts'),
  ]);
  const { isolation } = (await services.factory()).factory;
  const isSeparate = isolation === 'none' && (await readSeparation(services.paths)) !== undefined;
  return openSandbox({ accept: isSeparate ? 'partial' : isolation });
}

async function secretsOf({ store, paths }: Services, of: Parameters<Services['secrets']>[0]) {
  const [{ secretValues }, { openSecretKey }] = await Promise.all([
    import('./secrets/secrets.ts'),
    import('./secrets/key.ts'),
  ]);
  return secretValues({ store, key: () => openSecretKey(paths.keys) }, of);
}

async function openTarget(services: Services, name: string, elsewhere: string | undefined): Promise<Target> {
  if (name === 'cloudflare')
    return (await import('./target/cloudflare/of_factory.ts')).cloudflareOfFactory(services);
  if (name === 'vercel') return (await import('./target/vercel/of_factory.ts')).vercelOfFactory(services);
  if (name !== 'local') throw new Error(`There is no target ${name}.`);
  if (elsewhere !== undefined) throw targetElsewhere(elsewhere);
  const { openLocalTarget } = await import('./target/local/local.ts');
  return openLocalTarget({ dir: join(services.paths.targets, name) });
}

/** Runs `make` on the first call and again only after it failed. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make().catch((error) => {
      made = undefined;
      throw error;
    });
    return made;
  };
}

function remembered<T>(make: (name: string) => Promise<T>): (name: string) => Promise<T> {
  const made = new Map<string, () => Promise<T>>();
  return (name) => {
    const known = made.get(name) ?? once(() => make(name));
    made.set(name, known);
    return known();
  };
}
