import { sql } from 'kysely';
import type { Dialect } from './migrate.ts';
import type { Db } from './store.ts';

/** One table of a store as the database itself describes it. */
export interface Table {
  readonly name: string;
  /** What is written; not what the database derives from it. */
  readonly columns: readonly string[];
  /** The primary key, by which the rows have an order that every database agrees on. */
  readonly key: readonly Column[];
  /** The key that the database hands out by itself, if it does. */
  readonly identity: string | undefined;
}

interface Column {
  readonly name: string;
  readonly isText: boolean;
}

/** A store that may be of an older or newer schema: only its catalog says what is in it. */
export interface Readable {
  readonly dialect: Dialect;
  readonly db: Db;
}

const VERSIONS = 'schema_version';

/**
 * Every table of the store, each after those it refers to. Read from the database and not from a list in the
 * program, so that a table of a later migration is never forgotten. Search indexes, which their triggers fill, and
 * the table of versions are none. Throws for a table without a primary key.
 */
export async function tablesOf(store: Readable): Promise<Table[]> {
  const found = new Map((await described(store)).map((table) => [table.name, table]));
  found.delete(VERSIONS);
  const sorted: Table[] = [];
  const entered = new Set<string>();
  const enter = ({ refersTo, ...table }: Described) => {
    if (entered.has(table.name)) return;
    entered.add(table.name);
    if (table.key.length === 0) throw new Error(`The table ${table.name} has no primary key.`);
    for (const name of refersTo) {
      const other = found.get(name);
      if (other) enter(other);
    }
    sorted.push(table);
  };
  for (const table of found.values()) enter(table);
  return sorted;
}

/** The version of the schema; undefined where no Millwright has been. */
export async function versionOf({ dialect, db }: Readable): Promise<number | undefined> {
  const names = dialect === 'sqlite' ? await sqliteNames(db) : await postgresNames(db);
  if (!names.includes(VERSIONS)) return undefined;
  const { rows } = await sql<{ version: number | null }>`
    select max(version) as version from ${sql.table(VERSIONS)}`.execute(db);
  return rows[0]?.version ?? undefined;
}

/** The tables that have a row, so that nothing is written over. */
export async function filledTables(store: Readable): Promise<string[]> {
  const names = store.dialect === 'sqlite' ? await sqliteNames(store.db) : await postgresNames(store.db);
  const filled: string[] = [];
  for (const name of names.filter((one) => one !== VERSIONS)) {
    const { rows } = await sql`select 1 as one from ${sql.table(name)} limit 1`.execute(store.db);
    if (rows.length > 0) filled.push(name);
  }
  return filled;
}

type Described = Table & { readonly refersTo: readonly string[] };

const described = ({ dialect, db }: Readable) => (dialect === 'sqlite' ? inSqlite(db) : inPostgres(db));

async function sqliteNames(db: Db): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select name from pragma_table_list
    where schema = 'main' and type = 'table' and name not like 'sqlite\\_%' escape '\\' order by name`.execute(
    db,
  );
  return rows.map(({ name }) => name);
}

async function inSqlite(db: Db): Promise<Described[]> {
  const tables: Described[] = [];
  for (const name of await sqliteNames(db)) {
    const columns = await sql<{ name: string; type: string; pk: number }>`
      select name, type, pk from pragma_table_xinfo(${name}) where hidden = 0`.execute(db);
    const others = await sql<{ name: string }>`
      select "table" as name from pragma_foreign_key_list(${name})`.execute(db);
    const made = await sql<{ text: string }>`
      select sql as text from sqlite_master where type = 'table' and name = ${name}`.execute(db);
    const key = columns.rows.filter(({ pk }) => pk > 0).sort((a, b) => a.pk - b.pk);
    tables.push({
      name,
      columns: columns.rows.map((column) => column.name).sort(),
      key: key.map((column) => ({ name: column.name, isText: /text/i.test(column.type) })),
      identity: /\bautoincrement\b/i.test(made.rows[0]?.text ?? '') ? key[0]?.name : undefined,
      refersTo: others.rows.map((other) => other.name),
    });
  }
  return tables;
}

async function postgresNames(db: Db): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select relname as name from pg_class
    where relkind in ('r', 'p') and relnamespace = current_schema()::regnamespace order by relname`.execute(
    db,
  );
  return rows.map(({ name }) => name);
}

async function inPostgres(db: Db): Promise<Described[]> {
  const { rows } = await sql<{
    name: string;
    column: string;
    type: string;
    identity: string;
    place: number | null;
    others: string[] | null;
  }>`
    select c.relname as name, a.attname as column, format_type(a.atttypid, null) as type,
      a.attidentity::text as identity, array_position(i.indkey::int2[], a.attnum) as place,
      (select array_agg(r.relname::text) from pg_constraint f join pg_class r on r.oid = f.confrelid
       where f.conrelid = c.oid and f.contype = 'f') as others
    from pg_class c
      join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
      left join pg_index i on i.indrelid = c.oid and i.indisprimary
    where c.relkind in ('r', 'p') and c.relnamespace = current_schema()::regnamespace
    order by c.relname, a.attname collate "C"`.execute(db);
  return [...Map.groupBy(rows, ({ name }) => name)].map(([name, columns]) => ({
    name,
    columns: columns.map(({ column }) => column),
    key: columns
      .filter(({ place }) => place !== null)
      .sort((a, b) => (a.place ?? 0) - (b.place ?? 0))
      .map(({ column, type }) => ({ name: column, isText: type === 'text' })),
    identity: columns.find(({ identity }) => identity !== '')?.column,
    refersTo: columns[0]?.others ?? [],
  }));
}
