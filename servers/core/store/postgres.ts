import { Kysely, PostgresDialect, sql } from 'kysely';
import pg from 'pg';
import { storeFault } from './faults.ts';
import { migrate } from './migrate.ts';
import type { Schema } from './schema.ts';
import type { Store, Tx } from './store.ts';
import { Wakeups } from './wakeups.ts';

const CHANNEL = 'millwright_changed';
const RETRIES = 8;
/** How long a statement waits for others before it says that the store is stuck. */
const PATIENCE_MS = 10_000;
/** A transaction awaits nothing but the database: one that is idle this long belongs to a stopped process. */
const LONGEST_IDLE_MS = 5000;
/** Serialization failure and deadlock: the transaction had no effect and may be run again. */
const AGAIN = new Set(['40001', '40P01']);

pg.types.setTypeParser(pg.types.builtins.INT8, Number);

/** Opens a PostgreSQL database by URL and migrates it. One connection listens for changes; a poll is behind it. */
export async function openPostgres(url: string): Promise<Store> {
  const pool = new pg.Pool({
    connectionString: url,
    max: 6,
    connectionTimeoutMillis: PATIENCE_MS,
    lock_timeout: PATIENCE_MS,
    idle_in_transaction_session_timeout: LONGEST_IDLE_MS,
  });
  pool.on('error', () => {}); // an idle connection that the server cut is replaced on next use
  pool.on('connect', (client) => client.on('error', () => {})); // of one in use, its query tells
  const db = new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) });
  const transaction = <T>(work: (tx: Tx) => Promise<T>) =>
    again(() =>
      db.transaction().execute(async (tx) => {
        const result = await work(tx);
        await sql`select pg_notify(${CHANNEL}, '')`.execute(tx);
        return result;
      }),
    );

  const wakeups = new Wakeups();
  try {
    await migrate('postgres', transaction);
    const ear = await listen(url, () => wakeups.wake());
    return {
      dialect: 'postgres',
      db,
      transaction,
      changed: (ms, signal) => wakeups.next(ms, signal),
      copyTo: () => Promise.reject(new Error('This store is PostgreSQL; copy it with pg_dump.')),
      async close() {
        await ear.stop();
        await db.destroy();
      },
    };
  } catch (error) {
    await db.destroy();
    throw storeFault(error);
  }
}

async function again<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : '';
      if (!AGAIN.has(code) || tries >= RETRIES) throw storeFault(error);
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 10 * tries));
    }
  }
}

/** Keeps one LISTEN connection; when it breaks, waits a second and opens another. */
async function listen(url: string, wake: () => void): Promise<{ stop(): Promise<void> }> {
  let stopped = false;
  let client: pg.Client | undefined;
  const open = async () => {
    const next = new pg.Client({ connectionString: url });
    next.on('error', () => {});
    next.on('notification', wake);
    next.on('end', () => {
      if (!stopped) setTimeout(() => void open().catch(() => {}), 1000).unref();
    });
    await next.connect();
    await next.query(`listen ${CHANNEL}`);
    client = next;
  };
  await open();
  return {
    async stop() {
      stopped = true;
      await client?.end();
    },
  };
}
