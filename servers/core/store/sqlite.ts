import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import {
  CompiledQuery,
  type DatabaseConnection,
  Kysely,
  SqliteDialect,
  type SqliteDialectConfig,
  SqliteDriver,
} from 'kysely';
import { DirectAdapter } from './direct.ts';
import { storeFault } from './faults.ts';
import { migrate } from './migrate.ts';
import type { Schema } from './schema.ts';
import type { Store, Tx } from './store.ts';
import { Wakeups } from './wakeups.ts';
import { watchWal } from './wal_watch.ts';

/** How long a writer waits for other writers before it says that the store is stuck. */
const PATIENCE_MS = 10_000;
/** Older ones can corrupt a WAL file under several writers: https://sqlite.org/wal.html#walresetbug */
const OLDEST_SAFE_SQLITE = [3, 51, 3] as const;

/** Write transactions take the lock at once: a lock upgraded half-way fails with SQLITE_BUSY_SNAPSHOT. */
class ImmediateDriver extends SqliteDriver {
  readonly #isInTransaction: () => boolean;
  constructor(config: SqliteDialectConfig, isInTransaction: () => boolean) {
    super(config);
    this.#isInTransaction = isInTransaction;
  }
  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin immediate'));
  }
  /** SQLite has already rolled back by itself when the disk was full. */
  override async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    if (this.#isInTransaction()) await super.rollbackTransaction(connection);
  }
}

class ImmediateDialect extends SqliteDialect {
  readonly #database: Database.Database;
  readonly #statements: ReturnType<typeof cachingStatements>;
  constructor(database: Database.Database) {
    const statements = cachingStatements(database);
    super({ database: statements });
    this.#database = database;
    this.#statements = statements;
  }
  override createAdapter(): DirectAdapter {
    return new DirectAdapter(this.#database, this.#statements.prepare);
  }
  override createDriver(): SqliteDriver {
    return new ImmediateDriver({ database: this.#statements }, () => this.#database.inTransaction);
  }
}

/** Opens one SQLite file (WAL, `synchronous=FULL`: what was acknowledged survives a power cut) and migrates it. */
export async function openSqlite(file: string): Promise<Store> {
  const database = await connect(file);
  const db = new Kysely<Schema>({ dialect: new ImmediateDialect(database) });
  const wakeups = new Wakeups();
  const transaction = async <T>(work: (tx: Tx) => Promise<T>) => {
    const result = await patiently(() => db.transaction().execute(work));
    wakeups.wake();
    return result;
  };
  try {
    await migrate('sqlite', transaction);
  } catch (error) {
    await db.destroy();
    throw error;
  }

  const watch = watchWal(file, database, wakeups);
  return {
    dialect: 'sqlite',
    db,
    transaction,
    changed(ms, signal) {
      const next = wakeups.next(ms, signal);
      watch.look();
      return next;
    },
    async close() {
      watch.close();
      await db.destroy();
    },
  };
}

/** Even the first read waits: another process may be switching the new file to WAL, or recovering it. */
function connect(file: string): Promise<Database.Database> {
  return patiently(async () => {
    const database = new Database(file, { timeout: 5 });
    try {
      assertSafeVersion(database);
      database.pragma('journal_mode = WAL');
      database.pragma('synchronous = FULL');
      database.pragma('foreign_keys = ON');
      database.pragma('journal_size_limit = 67108864');
    } catch (error) {
      database.close();
      throw error;
    }
    return database;
  });
}

function assertSafeVersion(database: Database.Database): void {
  const version = String(database.prepare('select sqlite_version()').pluck().get());
  const parts = version.split('.').map(Number);
  for (const [index, least] of OLDEST_SAFE_SQLITE.entries()) {
    const part = parts[index] ?? 0;
    if (part > least) return;
    if (part < least)
      throw new Error(`SQLite ${version} can corrupt a shared file; 3.51.3 or newer is needed.`);
  }
}

/** Kysely prepares each statement anew; ours repeat, so they are kept. */
function cachingStatements(database: Database.Database) {
  const kept = new Map<string, Database.Statement>();
  return {
    close: () => void database.close(),
    prepare(text: string) {
      let statement = kept.get(text);
      if (!statement) {
        statement = database.prepare(text);
        if (kept.size < 500) kept.set(text, statement);
      }
      return statement as Database.Statement<readonly unknown[]> as never;
    },
  };
}

/**
 * Retries while another process holds the write lock. SQLite's own wait would stop the event loop and is
 * unfair; a short random pause is neither.
 */
async function patiently<T>(attempt: () => Promise<T>): Promise<T> {
  const since = performance.now();
  for (let tries = 0; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      const busy = error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY');
      if (!busy || performance.now() - since > PATIENCE_MS) throw storeFault(error);
      await sleep(0.2 + Math.random() * Math.min(4, 1 + tries));
    }
  }
}
