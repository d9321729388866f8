import { describe, expect, test } from 'vitest';
import type { Factory } from '../../servers/core/factory/definition.ts';
import { beatLeases, isHeld, leaseMs, releaseLease, sweep, takeLease } from '../../servers/core/leases.ts';
import type { Store } from '../../servers/core/store/store.ts';
import { SweepGuard } from '../../servers/core/sweeper.ts';
import { claimTask, promoteWaiting } from '../../servers/tasks/claim_queries.ts';
import { startFactory } from '../harness.ts';
import { DIALECTS, newStore } from '../store/stores.ts';
import { fillTasks } from '../store/tasks.ts';

const factory = { lease: { beat: 10, progress: 3600, lapses: 4 } } as Factory;
const LEASE = leaseMs(factory);

const claim = (store: Store, session: string, now: number) =>
  store.transaction((tx) => claimTask(tx, { role: 'developer', session, now, leaseEndsAt: now + LEASE }));
const sweepAt = (store: Store, now: number) => store.transaction((tx) => sweep(store, tx, factory, now));
const task = (store: Store) =>
  store.db.selectFrom('tasks').selectAll().where('id', '=', 1).executeTakeFirstOrThrow();

describe.each(DIALECTS)('%s', (dialect) => {
  test('a lease is free, held, or taken again under a higher fence', async () => {
    const { store } = await newStore(dialect);
    const take = (holder: string) => store.transaction((tx) => takeLease(tx, 'release', 7, holder, 100));

    expect(await take('a')).toBe(1);
    expect(await take('b')).toBeUndefined();
    await store.transaction((tx) => releaseLease(tx, 'release', 7));
    expect(await take('b')).toBe(2);

    const held = (holder: string, fence: number, now: number) =>
      isHeld(store.db, { kind: 'release', subject: 7, holder, fence }, now);
    expect(await held('b', 2, 99)).toBe(true);
    expect(await held('b', 2, 100)).toBe(false);
    expect(await held('b', 1, 1)).toBe(false);
    expect(await held('a', 2, 1)).toBe(false);
  });

  test('a beat extends a live lease and does not revive one that has ended', async () => {
    const { store } = await newStore(dialect);
    await store.transaction((tx) => takeLease(tx, 'task', 1, 's', 100));
    const beat = (now: number, endsAt: number) => store.transaction((tx) => beatLeases(tx, 's', now, endsAt));
    const endsAt = async () =>
      (await store.db.selectFrom('leases').select('ends_at').executeTakeFirstOrThrow()).ends_at;

    await beat(99, 200);
    expect(await endsAt()).toBe(200);
    await beat(150, 180);
    expect(await endsAt()).toBe(200);
    await beat(200, 400);
    expect(await endsAt()).toBe(200);
  });

  test('one sweep ends a bounded number of leases, the oldest first, each with its entry', async () => {
    const { store } = await newStore(dialect);
    await fillTasks(store, Array(50).fill({}));
    for (let id = 1; id <= 50; id++) await claim(store, `s${id}`, id);

    const swept = [await sweepAt(store, 1e9), await sweepAt(store, 1e9), await sweepAt(store, 1e9)];

    expect(swept.map(({ length }) => length)).toEqual([20, 20, 10]);
    expect(swept[0]?.map(({ subject }) => subject)).toEqual(
      Array.from({ length: 20 }, (_, index) => index + 1),
    );
    const entries = await store.db
      .selectFrom('activity')
      .selectAll()
      .where('event', '=', 'lease.expired')
      .execute();
    expect(new Set(entries.map(({ subject }) => subject)).size).toBe(50);
    expect(entries).toHaveLength(50);
  });

  test('each lost lease makes the pause longer, and after the limit the task is blocked', async () => {
    const { store } = await newStore(dialect);
    await fillTasks(store, [{}]);
    let now = 0;
    const pauses: number[] = [];
    for (let lapse = 1; lapse < factory.lease.lapses; lapse++) {
      await claim(store, `s${lapse}`, now);
      now += LEASE;
      await sweepAt(store, now);
      const { state, ready_at } = await task(store);
      pauses.push(ready_at - now);
      if (ready_at > now) {
        expect(state).toBe('waiting');
        await store.transaction((tx) => promoteWaiting(tx, ready_at - 1));
        expect(await claim(store, 'early', ready_at - 1)).toBeUndefined();
        now = ready_at;
        await store.transaction((tx) => promoteWaiting(tx, now));
      }
    }
    expect(pauses).toEqual([0, LEASE, 2 * LEASE]);

    await claim(store, 'last', now);
    await sweepAt(store, now + LEASE);
    expect(await task(store)).toMatchObject({
      state: 'blocked',
      lapses: 4,
      outcome: 'Blocked: its lease was lost 4 times.',
    });
  });
});

test('a clock that jumped gives everybody one lease to beat before anything is ended', () => {
  const guard = new SweepGuard(0);
  expect(guard.mayEnd(10_000, 10_000)).toBe(true);
  expect(guard.mayEnd(31_000, 10_000)).toBe(true);
  expect(guard.mayEnd(100_000, 10_000)).toBe(false);
  expect(guard.mayEnd(110_000, 10_000)).toBe(false);
  expect(guard.mayEnd(129_999, 10_000)).toBe(false);
  expect(guard.mayEnd(130_000, 10_000)).toBe(true);
});

test('a session that was revoked no longer keeps its task: the beat ends it', async () => {
  const running = await startFactory({
    servers: ['tasks'],
    realTime: true,
    change: (definition) => Object.assign(definition, { lease: { beat: 0.2, progress: 3600, lapses: 3 } }),
  });
  const work = { title: 'Ship it', criteria: ['It answers'], stops: ['Never'], role: 'developer' };
  await (await running.agent('ceo')).ok('task_create', work);
  await (await running.agent('developer')).ok('task_checkout');

  const { db } = running.services.store;
  await db
    .updateTable('enrolments')
    .set({ revoked_at: Date.now() })
    .where('agent', '=', 'developer')
    .execute();

  const freed = () => db.selectFrom('tasks').select('state').where('id', '=', 1).executeTakeFirst();
  await expect.poll(freed, { timeout: 5000 }).toEqual({ state: 'ready' });
});
