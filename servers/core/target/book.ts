import type { Row } from '../store/schema.ts';
import type { Store } from '../store/store.ts';
import type { Migration, WorkerConfig, WorkerVersion } from './target.ts';

/** One version as it was brought to a target elsewhere; `remote` is its id there, null until that is known. */
export interface BookedVersion {
  product: string;
  version: string;
  worker: string;
  bundle: string;
  remote: string | null;
  config: WorkerConfig;
  migrations: Migration[];
}

/** What the factory keeps of the versions it uploaded: which id there belongs to which version of ours. */
export interface VersionBook {
  find(product: string, version: string): Promise<BookedVersion | undefined>;
  /** The version of any product that has this id there. */
  byRemote(remote: string): Promise<BookedVersion | undefined>;
  /** The newest version of a product, which says what its Worker is called. */
  newest(product: string): Promise<BookedVersion | undefined>;
  /** The newest version whose Worker has this name. */
  ofWorker(worker: string): Promise<BookedVersion | undefined>;
  /** Writes down what is about to be uploaded; no secret is kept. */
  add(version: WorkerVersion, now: number): Promise<void>;
  setRemote(product: string, version: string, remote: string): Promise<void>;
}

/** The book of one target, in the store. */
export function storedBook({ db }: Pick<Store, 'db'>, target: string): VersionBook {
  const rows = () => db.selectFrom('target_versions').selectAll().where('target', '=', target);
  return {
    find: async (product, version) =>
      booked(await rows().where('product', '=', product).where('version', '=', version).executeTakeFirst()),
    byRemote: async (remote) => booked(await rows().where('remote', '=', remote).executeTakeFirst()),
    newest: async (product) =>
      booked(await rows().where('product', '=', product).orderBy('id', 'desc').limit(1).executeTakeFirst()),
    ofWorker: async (worker) =>
      booked(await rows().where('worker', '=', worker).orderBy('id', 'desc').limit(1).executeTakeFirst()),

    async add({ product, version, bundle, config, migrations }, now) {
      await db
        .insertInto('target_versions')
        .values({
          target,
          product,
          version,
          worker: config.name,
          bundle,
          remote: null,
          config: JSON.stringify(config),
          migrations: JSON.stringify(migrations),
          created_at: now,
        })
        .onConflict((conflict) => conflict.columns(['target', 'product', 'version']).doNothing())
        .execute();
    },

    async setRemote(product, version, remote) {
      await db
        .updateTable('target_versions')
        .set({ remote })
        .where('target', '=', target)
        .where('product', '=', product)
        .where('version', '=', version)
        .execute();
    },
  };
}

function booked(row: Row<'target_versions'> | undefined): BookedVersion | undefined {
  if (!row) return undefined;
  const { product, version, worker, bundle, remote } = row;
  const config = JSON.parse(row.config) as WorkerConfig;
  const migrations = JSON.parse(row.migrations) as Migration[];
  return { product, version, worker, bundle, remote, config, migrations };
}
