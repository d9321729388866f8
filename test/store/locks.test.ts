import { describe, expect, test } from 'vitest';
import { append } from '../../servers/core/record.ts';
import { newStore, onPostgres } from './stores.ts';
import { startWorker } from './workers.ts';

const entry = { at: 1, session: 's', agent: 'a', role: 'r', event: 'call' };

describe('sqlite', () => {
  test('a store that another process keeps locked gives one clear error, and works again after', async () => {
    const { store, location } = await newStore('sqlite');
    const holder = await startWorker('lock', location, null);
    holder.go();
    expect(await holder.line()).toBe('locked');

    await expect(store.transaction((tx) => append(store, tx, entry))).rejects.toMatchObject({
      code: 'UPSTREAM',
      message: 'Another process has held the store for too long.',
    });
    expect(await store.db.selectFrom('activity').selectAll().execute()).toEqual([]);

    holder.kill();
    await holder.result.catch(() => {});
    expect(await store.transaction((tx) => append(store, tx, entry))).toBe(1);
  });
});

describe('postgres', () => {
  test('a lock that a stopped process holds is taken from it', async () => {
    const { store, location } = await newStore('postgres');
    const holder = await startWorker('lock', location, null);
    holder.go();
    expect(await holder.line()).toBe('locked');
    process.kill(holder.pid, 'SIGSTOP');

    expect(await store.transaction((tx) => append(store, tx, entry))).toBe(1);
    holder.kill();
  });

  test('a lock that a working transaction holds too long gives a clear error', async () => {
    const { store, location } = await newStore('postgres');
    await onPostgres(location, async (client) => {
      await client.query('begin; lock table activity');
      const busy = client.query('select pg_sleep(30)').catch(() => {});

      await expect(store.transaction((tx) => append(store, tx, entry))).rejects.toMatchObject({
        message: 'Another process has held the store for too long.',
      });
      await onPostgres(location, (other) =>
        other.query(
          `select pg_cancel_backend(pid) from pg_stat_activity where query like '%pg_sleep(30)%' and pid <> pg_backend_pid()`,
        ),
      );
      await busy;
    });
    expect(await store.transaction((tx) => append(store, tx, entry))).toBe(1);
  });
});
