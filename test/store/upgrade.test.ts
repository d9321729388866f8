import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import { activeHumans } from '../../cli/people_queries.ts';
import { liveSessions } from '../../cli/session_queries.ts';
import { heldTasks, openCheckpoints, queuedRuns } from '../../cli/status_queries.ts';
import { loadApplied } from '../../servers/core/factory/applied.ts';
import { findTask } from '../../servers/core/held.ts';
import { verifyRecord } from '../../servers/core/record.ts';
import { tablesOf } from '../../servers/core/store/catalog.ts';
import { MIGRATIONS, type Migration, migrate, WORDS } from '../../servers/core/store/migrate.ts';
import { openStore, type Store } from '../../servers/core/store/store.ts';
import { listTasks } from '../../servers/tasks/queries.ts';
import { DIALECTS, newLocation, newStore, onPostgres, opened } from './stores.ts';
import { race } from './workers.ts';

const RELEASED = fileURLToPath(new URL('released', import.meta.url));
const NEWEST = MIGRATIONS.at(-1)?.version ?? 0;
const VERSIONS = [
  ...new Set((await readdir(RELEASED)).flatMap((name) => /^schema_(\d+)\./.exec(name)?.[1] ?? [])),
].map(Number);

/** Where a store of a released schema lies, with data in every table. */
async function released(dialect: (typeof DIALECTS)[number], version: number): Promise<string> {
  const text = await readFile(`${RELEASED}/schema_${version}.${dialect}.sql`, 'utf8');
  const location = await newLocation(dialect);
  if (dialect === 'postgres') await onPostgres(location, (client) => client.query(text));
  else new Database(location).exec(text).close();
  return location;
}

async function counts(location: string): Promise<Record<string, number>> {
  const { db, dialect } = await opened(location);
  const rows: Record<string, number> = {};
  for (const { name } of await tablesOf({ db, dialect })) {
    const { rows: found } = await sql<{ n: number }>`select count(*) as n from ${sql.table(name)}`.execute(
      db,
    );
    rows[name] = found[0]?.n ?? 0;
  }
  return rows;
}

const versions = async ({ db }: Store) =>
  (await sql<{ version: number }>`select version from schema_version order by version`.execute(db)).rows.map(
    ({ version }) => version,
  );

test('every schema but the newest has been released, with a dump of it for both databases', async () => {
  const names = await readdir(RELEASED);
  for (const version of Array.from({ length: NEWEST - 1 }, (_, index) => index + 1)) {
    for (const dialect of DIALECTS) expect(names).toContain(`schema_${version}.${dialect}.sql`);
  }
});

test('the migrations of a released schema are what they were at its release', async () => {
  for (const version of VERSIONS) {
    for (const dialect of DIALECTS) {
      const text = await readFile(`${RELEASED}/schema_${version}.${dialect}.sql`, 'utf8');
      const steps = MIGRATIONS.filter((step) => step.version <= version);
      const now = steps.flatMap((step) => [...step.statements(WORDS[dialect]), ...(step[dialect] ?? [])]);
      expect(now.filter((statement) => !text.includes(`${statement};\n`))).toEqual([]);
    }
  }
});

describe.each(DIALECTS)('%s', (dialect) => {
  test.each(VERSIONS)(
    'a store of schema %i is brought up to date, and all of its data can be read',
    async (version) => {
      const location = await released(dialect, version);
      const store = await opened(location);

      const { db } = store;
      expect(await versions(store)).toEqual(MIGRATIONS.map((step) => step.version));
      expect(await verifyRecord(db)).toMatchObject({ ok: true, entries: 5 });
      expect(Object.keys((await loadApplied(db)).factory.roles)).toContain('developer');
      expect(await findTask(db, 1)).toMatchObject({
        state: 'active',
        criteria: '["one","two"]',
        created_by: expect.stringContaining('Ü𝄞'),
      });
      expect(await listTasks(db, { after: 0, limit: 10 })).toHaveLength(2);
      expect(await liveSessions(db, 1_800_000_000_000)).toHaveLength(2);
      expect(await activeHumans(db)).toHaveLength(2);
      const all = await counts(location);
      const old = (await readFile(`${RELEASED}/schema_${version}.${dialect}.sql`, 'utf8')).matchAll(
        /^create table (\w+)/gm,
      );
      for (const [, table = ''] of old) {
        const lost = { schema_version: 'is not data', factory_versions: 1, activity: 5 }[table] ?? 2;
        if (lost !== 'is not data') expect([table, all[table]]).toEqual([table, lost]);
      }
      const task = await db
        .insertInto('tasks')
        .columns(['title'])
        .values({
          ...(await db.selectFrom('tasks').selectAll().where('id', '=', 2).executeTakeFirstOrThrow()),
          id: undefined,
        } as never)
        .returning('id')
        .executeTakeFirstOrThrow();
      expect(task.id).toBe(10);
      await Promise.all([heldTasks(db, 1), openCheckpoints(db, 1), queuedRuns(db)]);
    },
  );

  test.each([2, 8])('%i processes that open an old store at once upgrade it once', async (processes) => {
    const location = await released(dialect, 1);

    expect(await race(processes, 'open', location, () => null)).toEqual(Array(processes).fill(true));

    expect(await versions(await opened(location))).toEqual(MIGRATIONS.map((step) => step.version));
    expect(await counts(location)).toMatchObject({ tasks: 2, activity: 5 });
  });

  test('refuses a store that a newer program wrote, and changes nothing in it', async () => {
    const { store, location } = await newStore(dialect);
    await sql`insert into schema_version (version) values (99)`.execute(store.db);

    await expect(openStore(location)).rejects.toThrow(
      new RegExp(
        `store has schema 99; this Millwright knows schemas up to ${NEWEST}\\. Install the newer Millwright`,
      ),
    );
    expect(await versions(store)).toEqual([...MIGRATIONS.map((step) => step.version), 99]);
  });

  test('a migration that fails half-way leaves the version and the tables that were there', async () => {
    const { store } = await newStore(dialect);
    const before = await tablesOf(store);
    const bad: Migration = {
      version: NEWEST + 1,
      statements: () => [
        'create table half (id integer primary key)',
        "insert into kills (scope, reason, at) values ('factory', 'half', 1)",
        'alter table nowhere add column x integer',
      ],
    };

    await expect(migrate(dialect, store.transaction, [...MIGRATIONS, bad])).rejects.toThrow(/nowhere/);

    expect(await tablesOf(store)).toEqual(before);
    expect(await versions(store)).toEqual(MIGRATIONS.map((step) => step.version));
    expect(await store.db.selectFrom('kills').selectAll().execute()).toEqual([]);
  });
});
