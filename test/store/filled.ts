import Database from 'better-sqlite3';
import { Kysely, SqliteDialect, sql } from 'kysely';
import { definitionDigest } from '../../servers/core/factory/applied.ts';
import { readDefinition } from '../../servers/core/factory/create.ts';
import { append } from '../../servers/core/record.ts';
import { type Table, tablesOf } from '../../servers/core/store/catalog.ts';
import { type Dialect, MIGRATIONS, migrate, WORDS } from '../../servers/core/store/migrate.ts';
import type { Schema } from '../../servers/core/store/schema.ts';

type Value = string | number | null;
type Row = Record<string, Value>;

/** The rows of every table in an order in which they can go in; `next` is the id that its next row gets. */
export interface Filled {
  readonly table: Table;
  readonly rows: readonly Row[];
  readonly next: number | undefined;
}

const ROWS = 2;
/** Ids that were handed out and whose rows are gone: what comes next must not be told from the rows. */
const GONE = 7;

const LIST = '["one","two"]';
/** Columns that queries read as more than a text or a number. */
const MEANING: Readonly<Record<string, (row: number) => Value>> = {
  'tasks.state': (row) => (row === 1 ? 'active' : 'ready'),
  'tasks.role': () => 'developer',
  'tasks.criteria': () => LIST,
  'tasks.stops': () => LIST,
  'tasks.finished_at': () => null,
  'leases.kind': (row) => ['task', 'job', 'release'][row - 1] ?? null,
  'leases.subject': () => 1,
  'leases.fence': (row) => row + 4,
  'sessions.ended_at': () => null,
  'sessions.revoked_at': () => null,
  'sessions.expires_at': () => 4_000_000_000_000,
  'enrolments.revoked_at': () => null,
  'pipelines.state': () => 'running',
  'pipelines.definition': () => '{}',
  'jobs.state': (row) => (row === 1 ? 'running' : 'done'),
  'jobs.input': () => '{}',
  'jobs.result': (row) => (row === 1 ? null : '{"ok":true}'),
  'humans.revoked_at': () => null,
  'submissions.merged_commit': () => null,
};

/**
 * A store of schema `version` with rows in every table, those of later migrations too: what goes in is told from
 * the tables themselves. Texts hold what a copy could spoil.
 */
export async function everyTable(version: number): Promise<Filled[]> {
  const db = new Kysely<Schema>({ dialect: new SqliteDialect({ database: new Database(':memory:') }) });
  const steps = MIGRATIONS.filter((step) => step.version <= version);
  await migrate('sqlite', (work) => db.transaction().execute(work), steps);
  await sql`pragma foreign_keys = on`.execute(db);
  const store = { dialect: 'sqlite' as const, db };
  const filled: Filled[] = [];
  for (const table of await tablesOf(store)) {
    if (table.name === 'activity') await db.transaction().execute((tx) => chain(tx));
    else for (const row of await rowsFor(db, table)) await insert(db, table, row);
    const { rows } = await sql<Row>`select * from ${sql.table(table.name)} order by rowid`.execute(db);
    const next = table.identity === undefined ? undefined : ROWS + 1 + GONE;
    filled.push({ table, rows, next });
  }
  await db.destroy();
  return filled;
}

/** The statements that make a store of schema `version` from nothing, and those that fill it. */
export async function dump(dialect: Dialect, version: number): Promise<string> {
  const lines = ['create table schema_version (version integer primary key)'];
  for (const step of MIGRATIONS.filter((one) => one.version <= version)) {
    lines.push(...step.statements(WORDS[dialect]), ...(step[dialect] ?? []));
    lines.push(`insert into schema_version (version) values (${step.version})`);
  }
  lines.push(...inserts(dialect, await everyTable(version)));
  return `${lines.join(';\n')};\n`;
}

export function inserts(dialect: Dialect, filled: readonly Filled[]): string[] {
  return filled.flatMap(({ table, rows, next }) => {
    const columns = table.columns.map((column) => `"${column}"`).join(', ');
    const override = dialect === 'postgres' ? ' overriding system value' : '';
    const lines = rows.map((row) => {
      const values = table.columns.map((column) => literal(row[column] ?? null)).join(', ');
      return `insert into "${table.name}" (${columns})${override} values (${values})`;
    });
    if (next === undefined) return lines;
    return dialect === 'sqlite'
      ? [...lines, `update sqlite_sequence set seq = ${next - 1} where name = '${table.name}'`]
      : [
          ...lines,
          `select setval(pg_get_serial_sequence('${table.name}', '${table.identity}'), ${next}, false)`,
        ];
  });
}

const literal = (value: Value) =>
  value === null ? 'null' : typeof value === 'number' ? String(value) : `'${value.replaceAll("'", "''")}'`;

async function rowsFor(db: Kysely<Schema>, table: Table): Promise<Row[]> {
  const { rows: columns } = await sql<{ name: string; type: string; notnull: number }>`
    select name, type, "notnull" from pragma_table_info(${table.name})`.execute(db);
  const { rows: others } = await sql<{ from: string }>`
    select "from" from pragma_foreign_key_list(${table.name})`.execute(db);
  const refers = new Set(others.map((other) => other.from));
  const definition = table.name === 'factory_versions' ? await onlyDefinition() : undefined;
  return Array.from({ length: definition ? 1 : ROWS }, (_, index) => {
    const row = index + 1;
    const values = columns.map(({ name, type, notnull }) => {
      const meant = MEANING[`${table.name}.${name}`];
      if (meant) return [name, meant(row)] as const;
      if (refers.has(name)) return [name, /text/i.test(type) ? reference(name, row) : row] as const;
      if (name === table.identity) return [name, row] as const;
      if (!notnull && row === 2 && !table.key.some((key) => key.name === name)) return [name, null] as const;
      return [name, /text/i.test(type) ? textOf(table.name, name, row) : numberOf(name, row)] as const;
    });
    return { ...Object.fromEntries(values), ...definition };
  });
}

/** Keys of text are as `textOf` makes them in the table that they refer to. */
const reference = (column: string, row: number) => textOf(`${column}s`, 'id', row);

const textOf = (table: string, column: string, row: number) =>
  `${table}.${column} ${row === 2 ? 'Zz' : 'aA'}${row} Ü𝄞 '"\\%s\n`;

/** A time is longer than 32 bits, a count is not. */
const numberOf = (column: string, row: number) => (/(^|_)at$/.test(column) ? 1_700_000_000_000 : 40) + row;

/** One that is in force: a later one would have to be signed. */
async function onlyDefinition(): Promise<Row> {
  const files = await readDefinition('solo');
  return { digest: definitionDigest(files), body: JSON.stringify(files), human: null, signature: null };
}

async function insert(db: Kysely<Schema>, table: Table, row: Row): Promise<void> {
  const columns = Object.keys(row);
  await sql`insert into ${sql.table(table.name)} (${sql.join(columns.map((column) => sql.ref(column)))})
    values (${sql.join(columns.map((column) => row[column]))})`.execute(db);
}

async function chain(tx: Parameters<typeof append>[1]): Promise<void> {
  for (let entry = 1; entry <= 5; entry++) {
    await append({ dialect: 'sqlite' }, tx, {
      at: 1_700_000_000_000 + entry,
      session: 'server',
      agent: `ägent ${entry}`,
      role: 'server',
      event: 'call',
      why: `it's "so" 𝄞 ${entry}`,
      body: { entry, text: 'Ünï' },
    });
  }
  await tx.updateTable('activity').set({ body: null }).where('seq', '=', 2).execute();
}
