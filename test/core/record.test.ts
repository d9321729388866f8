import Database from 'better-sqlite3';
import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import { append, type Entry, GENESIS, verifyRecord } from '../../servers/core/record.ts';
import type { Store } from '../../servers/core/store/store.ts';
import { DIALECTS, newStore } from '../store/stores.ts';
import { race } from '../store/workers.ts';

const entry: Entry = {
  at: 1,
  session: 's',
  agent: 'developer',
  role: 'developer',
  event: 'call',
  body: { x: 1 },
};

async function record(store: Store, count: number) {
  for (let index = 0; index < count; index++) {
    await store.transaction((tx) => append(store, tx, { ...entry, subject: `task:${index}` }));
  }
}

/** Ten entries in a file, then changed by somebody who can write it and took the triggers out. */
async function tamperedWith(change: (database: Database.Database) => void) {
  const { store, location } = await newStore('sqlite');
  await record(store, 10);
  const database = new Database(location);
  for (const trigger of ['activity_grow', 'activity_keep', 'activity_freeze'])
    database.exec(`drop trigger ${trigger}`);
  change(database);
  database.close();
  return verifyRecord(store.db);
}

describe.each(DIALECTS)('%s', (dialect) => {
  test('an untouched record verifies, and its head is the hash of the last entry', async () => {
    const { store } = await newStore(dialect);
    expect(await verifyRecord(store.db)).toEqual({ ok: true, entries: 0, head: GENESIS });

    await record(store, 3);

    const last = await store.db
      .selectFrom('activity')
      .select('hash')
      .where('seq', '=', 3)
      .executeTakeFirstOrThrow();
    expect(await verifyRecord(store.db)).toEqual({ ok: true, entries: 3, head: last.hash });
  });

  test('no statement changes, deletes or replaces an entry', async () => {
    const { store } = await newStore(dialect);
    await record(store, 2);
    const statements = [
      sql`update activity set agent = 'qa' where seq = 1`,
      sql`update activity set body = '{}' where seq = 1`,
      sql`update activity set body = null, why = 'x' where seq = 1`,
      sql`update activity set seq = 9 where seq = 1`,
      sql`delete from activity where seq = 2`,
      ...(dialect === 'sqlite'
        ? [
            sql`insert or replace into activity select seq, at, session, 'qa', role, event, tool, subject, rule, code, why, body_digest, body, prev, hash from activity where seq = 1`,
            sql`insert into activity select 0, at, session, 'qa', role, event, tool, subject, rule, code, why, body_digest, body, prev, hash from activity where seq = 1`,
          ]
        : [sql`truncate activity`]),
    ];

    for (const statement of statements) {
      await expect(store.transaction((tx) => statement.execute(tx))).rejects.toThrow(/append-only/);
    }
    expect(await verifyRecord(store.db)).toMatchObject({ ok: true, entries: 2 });
  });

  test('a body can be blanked, and the chain stays whole', async () => {
    const { store } = await newStore(dialect);
    await record(store, 3);

    await store.transaction((tx) =>
      tx.updateTable('activity').set({ body: null }).where('seq', '=', 2).execute(),
    );

    expect(await verifyRecord(store.db)).toMatchObject({ ok: true, entries: 3 });
    const row = await store.db.selectFrom('activity').select('body').where('seq', '=', 2).executeTakeFirst();
    expect(row).toEqual({ body: null });
  });

  test('hostile text is recorded and does not look like tampering afterwards', async () => {
    const { store } = await newStore(dialect);
    const hostile = [
      '\ud83d',
      `a\0b`,
      '\u202e',
      "'; drop table activity;--",
      '{"__proto__":1}',
      '€'.repeat(500),
    ];

    for (const text of hostile) {
      await store.transaction((tx) =>
        append(store, tx, { ...entry, tool: text, subject: text, why: text, body: { [text]: text } }),
      );
    }

    expect(await verifyRecord(store.db)).toMatchObject({ ok: true, entries: hostile.length });
  });

  test('appends of eight processes make one chain without gaps', { timeout: 60_000 }, async () => {
    const { store, location } = await newStore(dialect);

    const seqs = await race(8, 'append', location, (index) => ({ session: `s${index}`, count: 25 }));

    expect(seqs.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, index) => index + 1));
    expect(await verifyRecord(store.db)).toMatchObject({ ok: true, entries: 200 });
  });
});

describe('what was done to the file is found', () => {
  const swap = `update activity set seq = case seq when 4 then -5 else -4 end where seq in (4, 5);
                update activity set seq = -seq where seq < 0`;
  test.each([
    ['one byte of a field', `update activity set why = 'y' where seq = 5`, 5, 'entry 5 was changed'],
    ['the time', `update activity set at = at + 1 where seq = 3`, 3, 'entry 3 was changed'],
    [
      'one byte of a body',
      `update activity set body = '{"x":2}' where seq = 7`,
      7,
      'the body of entry 7 was changed',
    ],
    ['a deleted entry', 'delete from activity where seq = 4', 4, 'entry 4 is missing'],
    ['the first entry deleted', 'delete from activity where seq = 1', 1, 'entry 1 is missing'],
    ['two entries in other order', swap, 4, 'entry 4 does not follow entry 3'],
    [
      'an entry replaced by its neighbour',
      'delete from activity where seq = 6; update activity set seq = 6 where seq = 7',
      6,
      'entry 6 does not follow entry 5',
    ],
    [
      'an entry before the first',
      `insert into activity select -3, at, session, 'ceo', role, event, tool, subject, rule, code, why, body_digest, body, prev, hash from activity where seq = 1`,
      1,
      'entry -3 stands before the first',
    ],
    [
      'a hash set to fit a changed entry',
      `update activity set agent = 'qa', hash = '00' where seq = 2`,
      2,
      'entry 2 was changed',
    ],
  ])('%s', async (_, statements, seq, why) => {
    const found = await tamperedWith((database) => database.exec(statements));

    expect(found).toEqual({ ok: false, entries: seq - 1, seq, why });
  });

  test('a truncated record is consistent in itself: only its head tells', async () => {
    let head: unknown;
    const found = await tamperedWith((database) => {
      head = database.prepare('select hash from activity where seq = 10').pluck().get();
      database.exec('delete from activity where seq > 8');
    });

    expect(found).toMatchObject({ ok: true, entries: 8 });
    expect(found).not.toMatchObject({ head });
  });

  test('an entry on the second page', async () => {
    const { store, location } = await newStore('sqlite');
    await store.transaction(async (tx) => {
      for (let index = 0; index < 1200; index++) await append(store, tx, entry);
    });
    const database = new Database(location);
    database.exec('drop trigger activity_freeze');
    database.exec(`update activity set rule = 'x' where seq = 1100`);
    database.close();

    expect(await verifyRecord(store.db)).toMatchObject({
      ok: false,
      seq: 1100,
      why: 'entry 1100 was changed',
    });
  });
});
