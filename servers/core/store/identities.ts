import { sql } from 'kysely';
import type { Readable } from './catalog.ts';

/** The key that the table's next row gets. */
export async function nextIdOf({ dialect, db }: Readable, table: string, column: string): Promise<number> {
  if (dialect === 'sqlite') {
    const { rows } = await sql<{ seq: number }>`
      select seq from sqlite_sequence where name = ${table}`.execute(db);
    return (rows[0]?.seq ?? 0) + 1;
  }
  const sequence = await sequenceOf({ dialect, db }, table, column);
  const { rows } = await sql<{ last: number; called: boolean }>`
    select last_value as last, is_called as called from ${sql.raw(sequence)}`.execute(db);
  const { last = 1, called = false } = rows[0] ?? {};
  return called ? Number(last) + 1 : Number(last);
}

/** Makes `next` the key of the table's next row; keys below it are never handed out again. */
export async function setNextId(
  { dialect, db }: Readable,
  table: string,
  column: string,
  next: number,
): Promise<void> {
  if (dialect === 'sqlite') {
    await sql`delete from sqlite_sequence where name = ${table}`.execute(db);
    await sql`insert into sqlite_sequence (name, seq) values (${table}, ${next - 1})`.execute(db);
    return;
  }
  const sequence = await sequenceOf({ dialect, db }, table, column);
  await sql`select setval(${sequence}::regclass, ${next}, false)`.execute(db);
}

/** Its name, quoted by the database. */
async function sequenceOf({ db }: Readable, table: string, column: string): Promise<string> {
  const { rows } = await sql<{ name: string }>`
    select pg_get_serial_sequence(quote_ident(${table}::text), ${column}::text) as name`.execute(db);
  const name = rows[0]?.name;
  if (!name) throw new Error(`The column ${column} of ${table} has no sequence.`);
  return name;
}
