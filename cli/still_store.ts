import { access } from 'node:fs/promises';
import { openAlone } from '../servers/core/store/bare.ts';
import type { Readable } from '../servers/core/store/catalog.ts';
import { inSnapshot } from '../servers/core/store/snapshot.ts';
import { isPostgres, openStore, type Tx } from '../servers/core/store/store.ts';
import { connectionsBesides, processesWith } from '../servers/core/store/users.ts';
import { CommandError, EXIT } from './failures.ts';

/** Our own connections to PostgreSQL call themselves this. */
const NAME = 'millwright-migrate';

/** Runs a write in the store that is held, as its last act. */
type Write = (change: (tx: Tx) => Promise<void>) => Promise<void>;

/**
 * Brings a store to this program's schema and lets `work` read it while nobody else has it open: a SQLite file is
 * locked as a whole, the tables of a PostgreSQL database against writers. Throws `IN_USE`, naming who uses it.
 */
export async function holdStore<T>(
  location: string,
  work: (source: Readable, write: Write) => Promise<T>,
): Promise<T> {
  return isPostgres(location) ? holdDatabase(location, work) : holdFile(location, work);
}

async function holdFile<T>(file: string, work: (source: Readable, write: Write) => Promise<T>): Promise<T> {
  await access(file).catch(() => {
    throw new CommandError(
      'NO_STORE',
      `There is no store ${file}.`,
      'With DATABASE_URL set, the store is that database.',
      EXIT.notSetUp,
    );
  });
  await (await openStore(file)).close();
  const source = openAlone(file);
  if (!source) {
    const pids = await processesWith(file);
    throw inUse(pids.length > 0 ? pids.map((pid) => `process ${pid}`) : ['another process']);
  }
  try {
    return await work(source, (change) => source.db.transaction().execute(change));
  } finally {
    await source.close();
  }
}

async function holdDatabase<T>(
  location: string,
  work: (source: Readable, write: Write) => Promise<T>,
): Promise<T> {
  const url = new URL(location);
  url.searchParams.set('application_name', NAME);
  const store = await openStore(url.href);
  try {
    return await inSnapshot(
      store,
      async (source, tx) => {
        const others = await connectionsBesides(store.db, NAME);
        if (others.length > 0) throw inUse(others);
        return work(source, (change) => change(tx));
      },
      { still: true },
    );
  } finally {
    await store.close();
  }
}

export const inUse = (who: readonly string[]) =>
  new CommandError(
    'IN_USE',
    `The factory is in use: ${who.join('; ')}.`,
    'Close those hosts and servers (`millwright session list` shows who is connected), wait for running jobs, and run it again; nothing was changed.',
  );
