import { sql } from 'kysely';
import type { Db, Store } from '../servers/core/store/store.ts';

/** What SQLite finds wrong with its own file; undefined when nothing, and on PostgreSQL, which checks itself. */
export async function storeFault({ dialect, db }: Store): Promise<string | undefined> {
  if (dialect !== 'sqlite') return undefined;
  const { rows } = await sql<{ quick_check: string }>`pragma quick_check(1)`.execute(db);
  const says = rows[0]?.quick_check ?? 'no answer';
  return says === 'ok' ? undefined : says;
}

/** Writes a SQLite store, as one moment shows it, into a new file. */
export const vacuumInto = (db: Db, file: string) => sql`vacuum into ${file}`.execute(db);
