import { sql } from 'kysely';
import { beforeEach, describe, expect, test } from 'vitest';
import { prepared, unplanned } from '../../servers/core/store/prepared.ts';
import type { Store } from '../../servers/core/store/store.ts';
import { DIALECTS, newStore } from './stores.ts';

const stopsFor = prepared<{ reason: string; limit: number }>()((db, value) =>
  db
    .selectFrom('kills')
    .select(['scope', 'at'])
    .where('reason', '=', unplanned.text(value('reason')))
    .orderBy('scope')
    .limit(unplanned.integer(value('limit'))),
);
const stopsSince = prepared<{ since: number }>()((db, value) =>
  db
    .selectFrom('kills')
    .select('scope')
    .where('at', '>=', unplanned.integer(value('since'))),
);
const move = prepared<{ scope: string; at: number }>()((db, value) =>
  db
    .updateTable('kills')
    .set({ at: value('at') })
    .where('scope', '=', value('scope')),
);

describe.each(DIALECTS)('%s', (dialect) => {
  let store: Store;
  beforeEach(async () => {
    ({ store } = await newStore(dialect));
    await sql`insert into kills (scope, reason, at) values ('a', 'one', 1), ('b', 'two', 2), ('c', 'one', 3)`.execute(
      store.db,
    );
  });

  test('a prepared query binds its values anew and keeps their types', async () => {
    expect(await stopsFor(store.db, { reason: 'one', limit: 9 })).toEqual([
      { scope: 'a', at: 1 },
      { scope: 'c', at: 3 },
    ]);
    expect(await stopsFor(store.db, { reason: 'one', limit: 1 })).toEqual([{ scope: 'a', at: 1 }]);
    expect(await stopsFor(store.db, { reason: 'two', limit: 9 })).toEqual([{ scope: 'b', at: 2 }]);
    await move(store.db, { scope: 'b', at: 1_800_000_000_000 });
    expect(await stopsSince(store.db, { since: 1_800_000_000_000 })).toEqual([{ scope: 'b' }]);
    expect(await stopsFor(store.db, { reason: "one' or 1 = 1 --", limit: 9 })).toEqual([]);
  });

  test('in a transaction it sees what the transaction did, and goes with it', async () => {
    const undone = store.transaction(async (tx) => {
      await move(tx, { scope: 'b', at: 7 });
      expect(await stopsFor(tx, { reason: 'two', limit: 1 })).toEqual([{ scope: 'b', at: 7 }]);
      throw new Error('undo');
    });
    await expect(undone).rejects.toThrow('undo');

    expect(await stopsFor(store.db, { reason: 'two', limit: 1 })).toEqual([{ scope: 'b', at: 2 }]);
  });

  test('beside a transaction of its process it sees nothing that is not committed', async () => {
    let read: ReturnType<typeof stopsFor> | undefined;
    const undone = store.transaction(async (tx) => {
      await move(tx, { scope: 'b', at: 7 });
      read = stopsFor(store.db, { reason: 'two', limit: 1 });
      await sql`select 1`.execute(tx);
      throw new Error('undo');
    });
    await expect(undone).rejects.toThrow('undo');

    expect(await read).toEqual([{ scope: 'b', at: 2 }]);
  });

  test('beside a transaction of its process it changes nothing that the transaction may undo', async () => {
    let changed: ReturnType<typeof move> | undefined;
    const undone = store.transaction(async (tx) => {
      await sql`select 1`.execute(tx);
      changed = move(store.db, { scope: 'b', at: 7 });
      await sql`select 1`.execute(tx);
      throw new Error('undo');
    });
    await expect(undone).rejects.toThrow('undo');
    await changed;

    expect(await stopsFor(store.db, { reason: 'two', limit: 1 })).toEqual([{ scope: 'b', at: 7 }]);
  });
});
