import { sql } from 'kysely';
import { locksRows, type Tx } from './store.ts';

/**
 * Keeps the writers that name the same thing in a line until the transaction ends: on PostgreSQL by an advisory
 * lock; on SQLite a writer is alone anyway.
 */
export async function lockInLine(tx: Tx, name: string): Promise<void> {
  if (locksRows(tx)) await sql`select pg_advisory_xact_lock(hashtextextended(${name}, 0))`.execute(tx);
}
