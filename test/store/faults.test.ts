import { chmod } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import { append, verifyRecord } from '../../servers/core/record.ts';
import { DIALECTS, newLocation, newStore, onPostgres, opened } from './stores.ts';
import { startWorker } from './workers.ts';

const NOBODY = 65_534;
const root = process.getuid?.() === 0;
const entry = { at: 1, session: 's', agent: 'a', role: 'r', event: 'call' };

describe.each(DIALECTS)('%s', (dialect) => {
  test('a process killed while it writes loses nothing it acknowledged, and leaves nothing torn', async () => {
    const location = await newLocation(dialect);
    const writers = await Promise.all(
      Array.from({ length: 3 }, (_, index) =>
        startWorker('append', location, { session: `s${index}`, count: Number.MAX_SAFE_INTEGER }),
      ),
    );
    for (const writer of writers) writer.go();
    const acknowledged: number[] = [];
    for (const writer of writers)
      for (let row = 0; row < 20; row++) acknowledged.push(Number(await writer.line()));
    for (const writer of writers) writer.kill();
    await Promise.allSettled(writers.map(({ result }) => result));

    const { db } = await opened(location);
    const rows = await db.selectFrom('activity').select('seq').execute();
    const kept = new Set(rows.map(({ seq }) => seq));
    expect(acknowledged.filter((seq) => !kept.has(seq))).toEqual([]);
    expect(await verifyRecord(db)).toMatchObject({ ok: true, entries: rows.length });
  });

  test('a change by another process wakes who waits, well before the poll', async () => {
    const { store, location } = await newStore(dialect);
    const other = await startWorker('change', location, { count: 8, every: 150 });
    other.go();

    const seenAt: number[] = [];
    while (seenAt.length < 8) {
      const rows = await store.db.selectFrom('activity').select('seq').execute();
      while (seenAt.length < rows.length) seenAt.push(Date.now());
      if (rows.length < 8) await store.changed(10_000);
    }
    const late = (await other.result).map((at, index) => (seenAt[index] ?? 0) - at);
    expect(late.toSorted((a, b) => a - b)[3]).toBeLessThan(60);
  });

  test('without any wake-up, a waiter looks again within the poll', async () => {
    const { store } = await newStore(dialect);
    await store.changed(100);

    const since = performance.now();
    await store.changed(60_000);

    expect(performance.now() - since).toBeLessThan(2000);
  });
});

describe('sqlite', () => {
  test('a full disk gives a clear error and keeps what was acknowledged', async () => {
    const location = await newLocation('sqlite');
    const writer = await startWorker(
      'fill',
      location,
      { limit: 5000 },
      { prefix: ['sh', '-c', 'ulimit -f 4096 && exec "$@"', 'sh'] },
    );
    writer.go();

    const { acknowledged, error } = await writer.result;

    expect(error).toMatchObject({ message: 'The disk that holds the store is full or failing.' });
    expect(acknowledged).toBeGreaterThan(10);
    const { db } = await opened(location);
    expect(await verifyRecord(db)).toMatchObject({ ok: true, entries: acknowledged });
  });

  test('a store that this user may not write gives a clear error', async () => {
    const { store, location } = await newStore('sqlite');
    await store.transaction((tx) => append(store, tx, entry));
    await store.close();
    const folder = dirname(location);
    await chmod(location, 0o444);
    await chmod(folder, 0o555);
    const writer = await startWorker('fill', location, { limit: 5, ...(root && { uid: NOBODY }) });
    writer.go();

    const { acknowledged, error } = await writer.result;

    await chmod(folder, 0o755);
    await chmod(location, 0o644);
    expect(acknowledged).toBe(0);
    expect(error).toMatchObject({ message: 'This server may not write its store.' });
    expect(await verifyRecord((await opened(location)).db)).toMatchObject({ entries: 1 });
  });
});

describe('postgres', () => {
  test('a transaction whose connection the server cuts fails with a clear error, and the next one works', async () => {
    const { store, location } = await newStore('postgres');

    const cut = store.transaction(async (tx) => {
      const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(tx);
      await onPostgres(location, (client) => client.query('select pg_terminate_backend($1)', [rows[0]?.pid]));
      await sleep(50);
      await append(store, tx, entry);
    });

    await expect(cut).rejects.toMatchObject({
      code: 'UPSTREAM',
      message: 'The database server does not answer.',
    });
    expect(await store.transaction((tx) => append(store, tx, entry))).toBe(1);
  });

  test('listens again after the server cut its ear', async () => {
    const { store, location } = await newStore('postgres');
    await onPostgres(location, (client) =>
      client.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where query like 'listen%' and datname = current_database()`,
      ),
    );
    await sleep(1300);

    const since = performance.now();
    const waiting = store.changed(10_000);
    await onPostgres(location, (client) => client.query(`notify millwright_changed`));
    await waiting;

    expect(performance.now() - since).toBeLessThan(400);
  });
});
