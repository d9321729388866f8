import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import { append, verifyRecord } from '../../servers/core/record.ts';
import { tablesOf } from '../../servers/core/store/catalog.ts';
import { copyStore } from '../../servers/core/store/copy.ts';
import { MIGRATIONS, WORDS } from '../../servers/core/store/migrate.ts';
import { openEmpty } from '../../servers/core/store/open_empty.ts';
import { inSnapshot } from '../../servers/core/store/snapshot.ts';
import type { Store } from '../../servers/core/store/store.ts';
import { everyTable, type Filled, inserts } from './filled.ts';
import { newLocation, newStore, opened } from './stores.ts';
import { fillTasks } from './tasks.ts';
import { startWorker } from './workers.ts';

const NEWEST = MIGRATIONS.at(-1)?.version ?? 0;
const WAYS = [
  ['sqlite', 'postgres'],
  ['postgres', 'sqlite'],
] as const;

/** A store with rows in every table that this program's migrations make. */
async function fullStore(
  dialect: 'sqlite' | 'postgres',
): Promise<{ store: Store; filled: Filled[]; location: string }> {
  const { store, location } = await newStore(dialect);
  const filled = await everyTable(NEWEST);
  await store.transaction(async (tx) => {
    for (const statement of inserts(dialect, filled)) await sql.raw(statement).execute(tx);
  });
  return { store, filled, location };
}

const copy = (from: Store, to: Store, progress?: (line: string) => void) =>
  inSnapshot(from, (source) => copyStore(source, to, progress));

describe.each(WAYS)('%s to %s', (from, to) => {
  test('everything is there on the other side, and what comes next goes on from it', async () => {
    const { store: source, filled } = await fullStore(from);
    const { store: target } = await newStore(to);

    const { tables, record } = await copy(source, target);

    for (const { table, rows } of filled) {
      const { rows: arrived } = await sql`
        select ${sql.join(table.columns.map((column) => sql.ref(column)))} from ${sql.table(table.name)}`.execute(
        target.db,
      );
      expect(new Set(arrived.map((row) => JSON.stringify(row))), table.name).toEqual(
        new Set(
          rows.map((row) =>
            JSON.stringify(Object.fromEntries(table.columns.map((name) => [name, row[name]]))),
          ),
        ),
      );
    }
    // Written by hand from the text of the migrations: what the program thinks a table is plays no part.
    const made = MIGRATIONS.flatMap((step) => step.statements(WORDS[to])).flatMap(
      (statement) => /^create table (\w+)/.exec(statement)?.[1] ?? [],
    );
    expect(tables.map(({ name }) => name).sort()).toEqual(made.sort());
    expect(tables.filter(({ rows }) => rows === 0)).toEqual([]);
    expect(await verifyRecord(target.db)).toEqual({ ok: true, ...record });
    expect(await target.transaction((tx) => append(target, tx, entry))).toBe(record.entries + 1);
    for (const { table, rows, next } of filled.filter((one) => one.next !== undefined)) {
      const { [table.identity ?? '']: _, ...row } = unique(rows[0] ?? {}, table.name);
      const columns = Object.keys(row).filter((column) => table.columns.includes(column));
      const { rows: added } = await sql`
        insert into ${sql.table(table.name)} (${sql.join(columns.map((column) => sql.ref(column)))})
        values (${sql.join(columns.map((column) => row[column]))})
        returning ${sql.ref(table.identity ?? '')} as id`.execute(target.db);
      expect(added, table.name).toEqual([{ id: next }]);
    }
    await expect(sql`delete from activity`.execute(target.db)).rejects.toThrow(/append-only/);
  });

  test('more rows than are read at once, while others write: one moment, whole', async () => {
    const { store: source, location } = await newStore(from);
    const { store: target } = await newStore(to);
    await fillTasks(
      source,
      Array.from({ length: 300 }, () => ({})),
      [
        { task: 300, needs: 1 },
        { task: 65, needs: 64 },
      ],
    );
    const writer = await startWorker('append', location, { session: 's', count: Number.MAX_SAFE_INTEGER });
    writer.go();
    for (let line = 0; line < 70; line++) await writer.line();

    const { tables, record } = await copy(source, target);
    for (let line = 0; line < 5; line++) await writer.line();
    writer.kill();

    const rowsOf = (name: string) => tables.find((table) => table.name === name)?.rows;
    expect([rowsOf('tasks'), rowsOf('task_links'), rowsOf('activity')]).toEqual([300, 2, record.entries]);
    expect(record.entries).toBeGreaterThanOrEqual(70);
    expect(await verifyRecord(target.db)).toEqual({ ok: true, ...record });
  });

  test('what is there is never written over, and a copy that breaks off leaves nothing', async () => {
    const { store: source } = await fullStore(from);
    const { store: target } = await newStore(to);
    const breakOff = (line: string) => {
      if (line.startsWith('jobs')) throw new Error('broken off');
    };

    await expect(copy(source, target, breakOff)).rejects.toThrow('broken off');
    for (const { name } of await tablesOf(target)) {
      expect((await sql`select 1 from ${sql.table(name)}`.execute(target.db)).rows, name).toEqual([]);
    }
    await copy(source, target);
    await expect(copy(source, target)).rejects.toThrow(/not empty: there are rows in /);
  });
});

test('a record that does not verify is not copied', async () => {
  const { store: source } = await fullStore('sqlite');
  const { store: target } = await newStore('postgres');
  await sql`drop trigger activity_freeze`.execute(source.db);
  await sql`update activity set agent = 'ghost' where seq = 3`.execute(source.db);

  await expect(copy(source, target)).rejects.toThrow(/does not verify at entry 3: entry 3 was changed/);
});

test('a text that the other database cannot hold is named, and nothing is copied', async () => {
  const { store: source } = await newStore('sqlite');
  const { store: target } = await newStore('postgres');
  await source.db.insertInto('kills').values({ scope: 'factory', reason: 'a\0b', at: 1 }).execute();

  await expect(copy(source, target)).rejects.toThrow(/table kills \(scope factory\) has a NUL character/);
});

test('a table that only one side has is no surprise after the fact', async () => {
  const { store: source } = await newStore('sqlite');
  const { store: target } = await newStore('postgres');
  await sql`create table extra (id integer primary key)`.execute(source.db);

  await expect(copy(source, target)).rejects.toThrow(/table extra is not the same in both stores/);
});

test('a place with rows of anybody is no empty store, and is not changed', async () => {
  const location = await newLocation('sqlite');
  const other = await opened(location);
  await sql`create table theirs (id integer primary key)`.execute(other.db);
  await sql`insert into theirs values (1)`.execute(other.db);

  await expect(openEmpty(location)).rejects.toThrow(/rows in theirs/);
});

const entry = { at: 1, session: 's', agent: 'a', role: 'r', event: 'call' };

/** The same row once more, as far as the table lets one be there twice. */
const unique = (row: Filled['rows'][number], table: string) =>
  Object.fromEntries(
    Object.entries(row).map(([column, value]) => [
      column,
      ['nonce', 'name', 'digest', 'foreign_id', 'version'].includes(column)
        ? `${table} again`
        : table === 'lesson_uses' && column === 'task'
          ? 99
          : value,
    ]),
  );
