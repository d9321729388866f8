import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import { MIGRATIONS } from '../../servers/core/store/migrate.ts';
import { DIALECTS, newLocation, newStore, opened } from './stores.ts';
import { race } from './workers.ts';

describe.each(DIALECTS)('%s', (dialect) => {
  test('twenty processes that start at once on an empty store all open it, and it is migrated once', async () => {
    const location = await newLocation(dialect);

    expect(await race(20, 'open', location, () => null)).toEqual(Array(20).fill(true));

    const { db } = await opened(location);
    const { rows } = await sql`select version from schema_version`.execute(db);
    expect(rows).toEqual(MIGRATIONS.map(({ version }) => ({ version })));
  });

  test('a transaction is seen whole or not at all', async () => {
    const { store, location } = await newStore(dialect);
    const other = await opened(location);
    const stops = () => other.db.selectFrom('kills').select('scope').orderBy('scope').execute();
    const stop = (scope: string) => ({ scope, reason: 'a test', at: 1 });

    const failing = store.transaction(async (tx) => {
      await tx.insertInto('kills').values(stop('role:qa')).execute();
      await tx.insertInto('kills').values(stop('role:qa')).execute();
    });
    await expect(failing).rejects.toThrow();
    expect(await stops()).toEqual([]);

    const seenInside = await store.transaction(async (tx) => {
      await tx.insertInto('kills').values(stop('role:ceo')).execute();
      const seen = await stops();
      await tx.insertInto('kills').values(stop('role:cto')).execute();
      return seen;
    });
    expect(seenInside).toEqual([]);
    expect(await stops()).toEqual([{ scope: 'role:ceo' }, { scope: 'role:cto' }]);
  });

  test('transactions of one process do not mix', async () => {
    const { store } = await newStore(dialect);
    const add = (scope: string, fails: boolean) =>
      store.transaction(async (tx) => {
        await tx.insertInto('kills').values({ scope, reason: 'a test', at: 1 }).execute();
        await tx.selectFrom('kills').selectAll().execute();
        if (fails) throw new Error('taken back');
      });

    const settled = await Promise.allSettled(
      Array.from({ length: 20 }, (_, index) => add(`role:${index}`, index % 2 === 1)),
    );

    expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(10);
    const rows = await store.db.selectFrom('kills').select('scope').execute();
    expect(rows.every(({ scope }) => Number(scope.slice(5)) % 2 === 0)).toBe(true);
    expect(rows).toHaveLength(10);
  });
});
