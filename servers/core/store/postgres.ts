import { randomUUID } from 'node:crypto';
import { Socket } from 'node:net';
import { Kysely, sql } from 'kysely';
import pg from 'pg';
import { KEEP_ALIVE, listen } from './ear.ts';
import { storeFault } from './faults.ts';
import { migrate } from './migrate.ts';
import { PipelinedDialect } from './pipeline.ts';
import { PlanningClient } from './planning.ts';
import type { Schema } from './schema.ts';
import type { Store, Tx } from './store.ts';
import { Wakeups } from './wakeups.ts';

const CHANNEL = 'millwright_changed';
const RETRIES = 8;
/** How long a statement waits for others before it says that the store is stuck. */
const PATIENCE_MS = 10_000;
/** A transaction awaits nothing but the database: one that is idle this long belongs to a stopped process. */
const LONGEST_IDLE_MS = 5000;
/** A connection on which a statement hears nothing this long leads nowhere: the far side is gone without a word. */
const LONGEST_SILENCE_MS = 30_000;
/** Changes within this time are told as one: each notification is a lock for all who commit. */
const NOTIFY_EVERY_MS = 10;
/** Serialization failure and deadlock: the transaction had no effect and may be run again. */
const AGAIN = new Set(['40001', '40P01']);

pg.types.setTypeParser(pg.types.builtins.INT8, Number);

/**
 * Opens a PostgreSQL database by URL and migrates it. One connection listens for changes; a poll is behind it.
 * Nothing of it ends the process when the database goes away: calls fail with `UPSTREAM` until it is back.
 */
export async function openPostgres(url: string): Promise<Store> {
  const pool = new pg.Pool({
    connectionString: url,
    max: 6,
    pipeline: true,
    Client: PlanningClient,
    connectionTimeoutMillis: PATIENCE_MS,
    lock_timeout: PATIENCE_MS,
    idle_in_transaction_session_timeout: LONGEST_IDLE_MS,
    stream: impatientSocket,
    ...KEEP_ALIVE,
  });
  pool.on('error', () => {}); // an idle connection that the server cut is replaced on next use
  pool.on('connect', (client) => client.on('error', () => {})); // of one in use, its query tells
  const db = new Kysely<Schema>({ dialect: new PipelinedDialect({ pool }) });
  const wakeups = new Wakeups();
  const me = randomUUID();
  const teller = startTeller(() => sql`select pg_notify(${CHANNEL}, ${me})`.execute(db));
  const transaction = async <T>(work: (tx: Tx) => Promise<T>) => {
    const result = await again(() => db.transaction().execute(work));
    wakeups.wake();
    teller.tell();
    return result;
  };

  try {
    await migrate('postgres', transaction);
    const ear = await listen(url, CHANNEL, {
      heard: (from) => from !== me && wakeups.wake(),
      reopened: () => wakeups.wake(),
    });
    return {
      dialect: 'postgres',
      db,
      transaction,
      changed: (ms, signal) => wakeups.next(ms, signal),
      async close() {
        await teller.done();
        await ear.stop();
        await db.destroy();
      },
    };
  } catch (error) {
    await teller.done();
    await db.destroy();
    throw storeFault(error);
  }
}

function impatientSocket(): Socket {
  const socket = new Socket();
  return socket.setTimeout(LONGEST_SILENCE_MS, () =>
    socket.destroy(new Error('Connection terminated: the database said nothing for too long')),
  );
}

/**
 * Tells other processes of a change soon after it was committed, of many at once as of one. A change that is not
 * told, because this process died or the database went away, is found by the poll of whoever waits for it.
 */
function startTeller(notify: () => Promise<unknown>) {
  let isDue = false;
  let telling: Promise<void> | undefined;
  const run = async () => {
    while (isDue) {
      isDue = false;
      await notify().catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, NOTIFY_EVERY_MS));
    }
    telling = undefined;
  };
  return {
    tell(): void {
      isDue = true;
      telling ??= run();
    },
    /** Resolves when nothing is left to tell. */
    async done(): Promise<void> {
      await telling;
    },
  };
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
