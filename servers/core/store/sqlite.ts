import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
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
import { migrate } from './migrate.ts';
import type { Schema } from './schema.ts';
import type { Store, Tx } from './store.ts';
import { Wakeups } from './wakeups.ts';

/** How long a writer waits for other writers before it says that the store is stuck. */
const PATIENCE_MS = 15_000;
/** Older ones can corrupt a WAL file under several writers: https://sqlite.org/wal.html#walresetbug */
const OLDEST_SAFE_SQLITE = [3, 51, 3] as const;

/** Write transactions take the lock at once: a lock upgraded half-way fails with SQLITE_BUSY_SNAPSHOT. */
class ImmediateDriver extends SqliteDriver {
  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin immediate'));
  }
}

class ImmediateDialect extends SqliteDialect {
  readonly #config: SqliteDialectConfig;
  constructor(config: SqliteDialectConfig) {
    super(config);
    this.#config = config;
  }
  override createDriver(): SqliteDriver {
    return new ImmediateDriver(this.#config);
  }
}

/** Opens one SQLite file (WAL, `synchronous=FULL`: what was acknowledged survives a power cut) and migrates it. */
export async function openSqlite(file: string): Promise<Store> {
  const database = new Database(file, { timeout: 5 });
  assertSafeVersion(database);
  await patiently(async () => void database.pragma('journal_mode = WAL'));
  database.pragma('synchronous = FULL');
  database.pragma('foreign_keys = ON');
  database.pragma('journal_size_limit = 67108864');

  const db = new Kysely<Schema>({ dialect: new ImmediateDialect({ database: cachingStatements(database) }) });
  const transaction = <T>(work: (tx: Tx) => Promise<T>) => patiently(() => db.transaction().execute(work));
  await migrate('sqlite', transaction);

  const wakeups = new Wakeups();
  const watcher = watchWal(file, () => wakeups.wake());
  return {
    dialect: 'sqlite',
    db,
    transaction,
    changed: (ms, signal) => wakeups.next(ms, signal),
    async close() {
      watcher?.close();
      await db.destroy();
    },
  };
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
      if (!busy || performance.now() - since > PATIENCE_MS) throw error;
      await sleep(0.2 + Math.random() * Math.min(4, 1 + tries));
    }
  }
}

/** Watches the folder, not the WAL itself: SQLite may replace that file. */
function watchWal(file: string, wake: () => void): FSWatcher | undefined {
  const wal = `${basename(file)}-wal`;
  try {
    const watcher = watch(dirname(file), { persistent: false }, (_event, name) => {
      if (name === wal) wake();
    });
    watcher.on('error', () => watcher.close());
    return watcher;
  } catch {
    return undefined; // no watches left on this machine: the poll behind every wait still works
  }
}
