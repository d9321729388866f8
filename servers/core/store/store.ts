import { type Kysely, PostgresAdapter, type Transaction } from 'kysely';
import type { Dialect } from './migrate.ts';
import type { Schema } from './schema.ts';

/** What a query runs on: the store itself or one transaction of it. */
export type Db = Kysely<Schema>;
export type Tx = Transaction<Schema>;

/**
 * The factory's memory of what is so. One instance a process; the same queries run on SQLite and PostgreSQL.
 */
export interface Store {
  readonly dialect: Dialect;
  /** For reads outside a transaction. */
  readonly db: Db;
  /**
   * Runs `work` in one write transaction that others see whole or not at all. Waits, with jitter, for other
   * writers. `work` may be run again from its start, so it must await nothing but the database.
   */
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /** Resolves after the next change by any process, or after `ms`, whichever is first. */
  changed(ms: number, signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** Whether transactions run beside each other here and lock rows; on SQLite a writer is alone. */
export const locksRows = (db: Db) => db.getExecutor().adapter instanceof PostgresAdapter;

/** Whether a store's location is that of a PostgreSQL database. */
export const isPostgres = (location: string): boolean => /^postgres(ql)?:\/\//.test(location);

/** Opens and migrates the store at a PostgreSQL URL or a SQLite file path. */
export async function openStore(location: string): Promise<Store> {
  if (isPostgres(location)) {
    const { openPostgres } = await import('./postgres.ts');
    return openPostgres(location);
  }
  const { openSqlite } = await import('./sqlite.ts');
  return openSqlite(location);
}
