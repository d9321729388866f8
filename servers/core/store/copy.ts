import { createHash, type Hash } from 'node:crypto';
import { type RawBuilder, sql } from 'kysely';
import { ToolError } from '../errors.ts';
import { verifyRecord } from '../record.ts';
import { filledTables, type Readable, type Table, tablesOf } from './catalog.ts';
import { nextIdOf, setNextId } from './identities.ts';
import { runOnce } from './snapshot.ts';
import type { Store } from './store.ts';

/** What went over, table by table, and where the record stands on both sides. */
export interface Copied {
  readonly tables: readonly { readonly name: string; readonly rows: number }[];
  readonly record: { readonly entries: number; readonly head: string };
}

/** Rows in memory at a time. */
const PAGE = 64;

type Value = string | number | null | Buffer;
type Row = Readonly<Record<string, Value>>;
type Content = { readonly rows: number; readonly digest: string };

/**
 * Copies every table of `from` into the empty store `to`, of any two dialects: rows, keys, the next key that each
 * table hands out, and the record byte for byte. All of it is read back and compared, and the record is verified,
 * before the one transaction commits; so `to` holds everything or nothing, however this ends.
 *
 * `from` must stand still for the time: see `inSnapshot`. Both must be of this program's schema. Throws `CONFLICT`
 * when `to` is not empty, when the two differ in their tables, or when a row cannot be kept there.
 */
export async function copyStore(
  from: Readable,
  to: Store,
  progress: (line: string) => void = () => {},
): Promise<Copied> {
  const tables = await tablesOf(from);
  const record = await soundRecord(from, 'the store that is copied');
  return runOnce(to, async (tx) => {
    const target = { dialect: to.dialect, db: tx };
    assertSameTables(tables, await tablesOf(target));
    await assertEmpty(target);
    const copied: { name: string; rows: number }[] = [];
    for (const table of tables) {
      const written = await copyTable(from, target, table);
      await copyIdentity(from, target, table);
      const found = await contentOf(target, table);
      if (found.rows !== written.rows || found.digest !== written.digest) throw differs(table.name);
      copied.push({ name: table.name, rows: written.rows });
      if (written.rows > 0) progress(`${table.name}: ${written.rows} rows, read back and equal`);
    }
    const arrived = await soundRecord(target, 'the copy');
    if (arrived.head !== record.head) throw differs('activity');
    return { tables: copied, record };
  });
}

async function copyTable(from: Readable, to: Readable, table: Table): Promise<Content> {
  const hash = createHash('sha256');
  let rows = 0;
  for await (const page of pagesOf(from, table)) {
    for (const row of page) addTo(hash, table, storableIn(to, table, row));
    const values = page.map((row) => sql`(${sql.join(table.columns.map((column) => row[column]))})`);
    await sql`insert into ${sql.table(table.name)} (${list(table.columns)}) ${
      to.dialect === 'postgres' ? sql`overriding system value` : sql``
    } values ${sql.join(values)}`.execute(to.db);
    rows += page.length;
  }
  return { rows, digest: hash.digest('hex') };
}

async function contentOf(store: Readable, table: Table): Promise<Content> {
  const hash = createHash('sha256');
  let rows = 0;
  for await (const page of pagesOf(store, table)) {
    for (const row of page) addTo(hash, table, row);
    rows += page.length;
  }
  return { rows, digest: hash.digest('hex') };
}

/** By the primary key, text by its bytes: one order for all databases. */
async function* pagesOf({ dialect, db }: Readable, { name, columns, key }: Table): AsyncGenerator<Row[]> {
  const order = sql.join(
    key.map((column) =>
      dialect === 'postgres' && column.isText
        ? sql`${sql.ref(column.name)} collate "C"`
        : sql.ref(column.name),
    ),
  );
  let after: RawBuilder<unknown> = sql``;
  for (;;) {
    const { rows } = await sql<Row>`
      select ${list(columns)} from ${sql.table(name)} ${after} order by ${order} limit ${sql.lit(PAGE)}`.execute(
      db,
    );
    const last = rows.at(-1);
    if (!last) return;
    yield rows;
    if (rows.length < PAGE) return;
    after = sql`where (${order}) > (${sql.join(key.map((column) => last[column.name]))})`;
  }
}

const list = (columns: readonly string[]) => sql.join(columns.map((column) => sql.ref(column)));

function addTo(hash: Hash, { columns }: Table, row: Row): void {
  const values = columns.map((column) => {
    const value = row[column];
    return Buffer.isBuffer(value) ? { hex: value.toString('hex') } : value;
  });
  hash.update(`${JSON.stringify(values)}\n`);
}

/** SQLite keeps a NUL within a text, PostgreSQL does not. */
function storableIn({ dialect }: Readable, { name, key }: Table, row: Row): Row {
  const isHeld = (value: Value) => dialect === 'sqlite' || typeof value !== 'string' || !value.includes('\0');
  if (Object.values(row).every(isHeld)) return row;
  const where = key.map((column) => `${column.name} ${row[column.name]}`).join(', ');
  throw new ToolError(
    'CONFLICT',
    `A text in table ${name} (${where.replaceAll('\0', '\\0')}) has a NUL character, which PostgreSQL cannot hold.`,
    'Stay with the SQLite file: nothing was copied.',
  );
}

async function copyIdentity(from: Readable, to: Readable, { name, identity }: Table): Promise<void> {
  if (identity === undefined) return;
  const next = await nextIdOf(from, name, identity);
  await setNextId(to, name, identity, next);
  if ((await nextIdOf(to, name, identity)) !== next) throw differs(name);
}

async function soundRecord({ db }: Readable, whose: string) {
  const found = await verifyRecord(db);
  if (found.ok) return { entries: found.entries, head: found.head };
  throw new ToolError(
    'CONFLICT',
    `The record of ${whose} does not verify at entry ${found.seq}: ${found.why}.`,
    'Keep the store as it is and compare it with a backup: `millwright record verify --database FILE`.',
  );
}

function assertSameTables(from: readonly Table[], to: readonly Table[]): void {
  const shape = (tables: readonly Table[]) =>
    new Set(
      tables.map(({ name, columns, key, identity }) =>
        JSON.stringify([name, columns, key.map((column) => column.name), identity ?? null]),
      ),
    );
  const [here, there] = [shape(from), shape(to)];
  const odd = [...here, ...there].find((one) => !here.has(one) || !there.has(one));
  if (odd === undefined) return;
  const [name] = JSON.parse(odd) as [string];
  throw new ToolError(
    'CONFLICT',
    `The table ${name} is not the same in both stores.`,
    'Use one Millwright for both, and a database that holds nothing else; nothing was copied.',
  );
}

async function assertEmpty(store: Readable): Promise<void> {
  const filled = await filledTables(store);
  if (filled.length > 0) throw notEmpty(filled);
}

/** The refusal to write over what is there. */
export function notEmpty(filled: readonly string[]): ToolError {
  const some = filled.slice(0, 5).join(', ');
  return new ToolError(
    'CONFLICT',
    `The target is not empty: there are rows in ${some}${filled.length > 5 ? ', …' : ''}.`,
    'Name an empty database or a new file; nothing was changed.',
  );
}

const differs = (table: string) =>
  new ToolError(
    'INTERNAL',
    `The copy of table ${table} is not what was written, so all of it was taken back.`,
    'Run it again; if it happens again, check the disk and the database server.',
  );
