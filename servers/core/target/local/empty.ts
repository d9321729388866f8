import type { Miniflare } from 'miniflare';
import type { Resource } from '../target.ts';
import { STORE_WORKER } from './workerd_options.ts';

/** Removes everything that a database, namespace or bucket holds. Other resources hold nothing here. */
export async function empty(
  miniflare: Miniflare,
  { kind, name }: Pick<Resource, 'kind' | 'name'>,
): Promise<void> {
  const binding = `${kind}:${name}`;
  if (kind === 'd1') await dropTables(await miniflare.getD1Database(binding, STORE_WORKER));
  if (kind === 'kv')
    await deleteKeys((await miniflare.getKVNamespace(binding, STORE_WORKER)) as unknown as Namespace);
  if (kind === 'r2')
    await deleteObjects((await miniflare.getR2Bucket(binding, STORE_WORKER)) as unknown as Bucket);
}

async function dropTables(database: Awaited<ReturnType<Miniflare['getD1Database']>>): Promise<void> {
  const { results } = await database
    .prepare(
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT GLOB '_cf_*' AND name NOT GLOB 'sqlite_*'",
    )
    .all();
  const drops = results.map(({ name }: { name: string }) =>
    database.prepare(`DROP TABLE "${name.replaceAll('"', '""')}"`),
  );
  if (drops.length > 0) await database.batch([database.prepare('PRAGMA defer_foreign_keys = on'), ...drops]);
}

/** What is used of a namespace and of a bucket; Miniflare's own types need packages of the Workers platform. */
interface Namespace {
  list(): Promise<{ keys: { name: string }[] }>;
  delete(key: string): Promise<void>;
}
interface Bucket {
  list(): Promise<{ objects: { key: string }[] }>;
  delete(keys: string[]): Promise<void>;
}

async function deleteKeys(namespace: Namespace): Promise<void> {
  for (;;) {
    const { keys } = await namespace.list();
    if (keys.length === 0) return;
    for (const { name } of keys) await namespace.delete(name);
  }
}

async function deleteObjects(bucket: Bucket): Promise<void> {
  for (;;) {
    const { objects } = await bucket.list();
    if (objects.length === 0) return;
    await bucket.delete(objects.map(({ key }) => key));
  }
}
