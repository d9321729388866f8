import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, systemClock } from './clock.ts';
import { type Applied, loadApplied } from './factory/applied.ts';
import { JobQueue, type JobRunner } from './jobs.ts';
import { type FactoryPaths, factoryPaths } from './paths.ts';
import type { Services } from './services.ts';
import { openStore, type Store } from './store/store.ts';
import { SweepGuard, startSweeper } from './sweeper.ts';

export interface OpenOptions {
  clock?: Clock;
  /** A PostgreSQL URL; without it the store is the file in the factory's folder. */
  databaseUrl?: string | undefined;
  /** The kinds of long work this process can run. */
  jobs?: Readonly<Record<string, JobRunner>>;
  log?: (line: string) => void;
}

/** Opens what a process of the factory in `home` works with. `close` ends timers, jobs and the store. */
export async function openServices(
  home: string,
  options: OpenOptions = {},
): Promise<Services & { close(): Promise<void> }> {
  const paths = factoryPaths(home);
  await mkdir(paths.home, { recursive: true, mode: 0o700 });
  const store = await openStore(options.databaseUrl ?? paths.database);
  const clock = options.clock ?? systemClock;
  const jobs = new JobQueue(options.jobs ?? {});
  const services: Services = {
    paths,
    store,
    clock,
    jobs,
    sweepGuard: new SweepGuard(clock.now()),
    factory: cachedFactory(store),
    sandbox: once(() => openSandboxFor(services)),
    target: remembered((name) => openTarget(name, paths)),
    key: once(async () => (await import('./signing/factory_key.ts')).openFactoryKey(paths.keys)),
    log: options.log ?? ((line) => process.stderr.write(`millwright: ${line}\n`)),
  };
  jobs.start(services);
  const stopSweeper = startSweeper(services);
  return {
    ...services,
    async close() {
      stopSweeper();
      jobs.stop();
      await store.close();
    },
  };
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
  const { openSandbox } = await import('./sandbox/sandbox.ts');
  return openSandbox({ accept: (await services.factory()).factory.isolation });
}

async function openTarget(name: string, paths: FactoryPaths) {
  if (name !== 'local') throw new Error(`There is no target ${name}.`);
  const { openLocalTarget } = await import('./target/local/local.ts');
  return openLocalTarget({ dir: join(paths.targets, name) });
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
