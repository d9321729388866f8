import Database from 'better-sqlite3';
import { Kysely, PostgresDialect, SqliteDialect } from 'kysely';
import pg from 'pg';
import type { Readable } from './catalog.ts';
import { storeFault } from './faults.ts';
import type { Schema } from './schema.ts';
import { isPostgres } from './store.ts';

export interface Bare extends Readable {
  close(): Promise<void>;
}

/**
 * Opens a store to look at it: nothing in it is made, migrated or changed, whoever wrote it. A SQLite file must be
 * there. Throws `UPSTREAM` when it cannot be read.
 */
export async function openBare(location: string): Promise<Bare> {
  try {
    return isPostgres(location) ? barePostgres(location) : bareSqlite(location);
  } catch (error) {
    throw storeFault(error);
  }
}

/**
 * Opens a SQLite file for this process alone: nobody else can open it until it is closed. Undefined when another
 * process, or another connection of this one, has it open.
 */
export function openAlone(file: string): Bare | undefined {
  const database = new Database(file, { timeout: 100, fileMustExist: true });
  try {
    // Before the first read: in this mode a WAL file is locked as a whole.
    database.pragma('locking_mode = EXCLUSIVE');
    database.pragma('synchronous = FULL');
    database.pragma('foreign_keys = ON');
    database.exec('begin immediate; commit');
  } catch (error) {
    database.close();
    if (error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY')) return undefined;
    throw storeFault(error);
  }
  return over(database);
}

function bareSqlite(file: string): Bare {
  return over(new Database(file, { readonly: true, fileMustExist: true }));
}

function over(database: Database.Database): Bare {
  const db = new Kysely<Schema>({ dialect: new SqliteDialect({ database }) });
  return { dialect: 'sqlite', db, close: () => db.destroy() };
}

function barePostgres(url: string): Bare {
  const pool = new pg.Pool({ connectionString: url, max: 1, connectionTimeoutMillis: 10_000 });
  pool.on('error', () => {}); // an idle connection that the server cut is replaced on next use
  const db = new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) });
  return { dialect: 'postgres', db, close: () => db.destroy() };
}

/** Makes a SQLite file whole in itself, without the files that WAL keeps beside it. Nobody may have it open. */
export function settleFile(file: string): void {
  const database = new Database(file, { fileMustExist: true });
  try {
    database.pragma('journal_mode = DELETE');
  } finally {
    database.close();
  }
}

/** What SQLite finds wrong in a file, every page and index of it; undefined when nothing. */
export function damageOf(file: string): string | undefined {
  const database = new Database(file, { readonly: true, fileMustExist: true });
  try {
    const says = String(database.pragma('integrity_check(1)', { simple: true }));
    return says === 'ok' ? undefined : says;
  } finally {
    database.close();
  }
}
