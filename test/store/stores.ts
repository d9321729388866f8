import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { inject, onTestFinished } from 'vitest';
import type { Dialect } from '../../servers/core/store/migrate.ts';
import { openStore, type Store } from '../../servers/core/store/store.ts';
import { databaseUrl } from '../postgres.ts';

export const DIALECTS = ['sqlite', 'postgres'] as const;

/** A store nobody else uses, not yet made: a file in a folder of its own, or an empty database. */
export async function newLocation(dialect: Dialect): Promise<string> {
  return dialect === 'sqlite' ? newFile() : newDatabase();
}

/** A migrated store of this process; it goes with the test. */
export async function newStore(dialect: Dialect): Promise<{ store: Store; location: string }> {
  const location = await newLocation(dialect);
  return { store: await opened(location), location };
}

/** Opens a location, and closes it with the test. */
export async function opened(location: string): Promise<Store> {
  const store = await openStore(location);
  onTestFinished(() => store.close());
  return store;
}

/** Statements on a database outside the store, as somebody with its password could send them. */
export async function onPostgres<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

async function newFile(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'millwright-store-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return join(folder, 'store.sqlite');
}

async function newDatabase(): Promise<string> {
  const server = inject('postgres');
  if ('fault' in server) throw new Error(server.fault);
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await onPostgres(server.url, (client) => client.query(`create database ${name}`));
  onTestFinished(() =>
    onPostgres(server.url, (client) => client.query(`drop database ${name} with (force)`)).then(() => {}),
  );
  return databaseUrl(server.url, name);
}
