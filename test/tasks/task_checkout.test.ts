import { expect, test } from 'vitest';
import { startFactory } from '../harness.ts';

const servers = ['tasks'];
const work = { title: 'Ship it', criteria: ['It answers'], stops: ['It does not start'], role: 'developer' };

test('gives a ready task once, with its whole brief', async () => {
  const factory = await startFactory({ servers });
  const ceo = await factory.agent('ceo');
  const [first, second] = [await factory.agent('developer'), await factory.agent('developer-2')];
  await ceo.ok('task_create', work);

  const results = await Promise.all([first, second].map((agent) => agent.call('task_checkout')));

  const lost = results.filter((result) => result.isError);
  expect(lost).toHaveLength(1);
  expect(lost[0]?.text).toBe(
    'NOT_FOUND: No task is ready for developer.\nNext: Call task_wait; it answers when one is.',
  );
  const won = results.find((result) => !result.isError)?.value;
  expect(won).toMatchObject({
    task: 'T-1',
    criteria: ['It answers'],
    lease_ends_at: '2026-01-01T00:03:00.000Z',
  });
});

test('a lease that three beats missed goes to the next, under a higher fence, and the first is told', async () => {
  const factory = await startFactory({ servers });
  const ceo = await factory.agent('ceo');
  await ceo.ok('task_create', work);
  const first = await factory.agent('developer');
  const second = await factory.agent('developer-2');
  await first.ok('task_checkout');

  await factory.services.store.db
    .updateTable('leases')
    .set({ ends_at: factory.clock.now() - 1 })
    .execute();
  await second.ok('task_checkout', { task: 'T-1' });
  const late = await first.call('task_complete', { summary: 'All of it' });

  expect(late.text).toMatch(/^LEASE_LOST: You no longer hold T-1/);
  const { fence } = await factory.services.store.db
    .selectFrom('leases')
    .select('fence')
    .executeTakeFirstOrThrow();
  expect(fence).toBe(2);
});

test('says who holds a task that was asked for by id', async () => {
  const factory = await startFactory({ servers });
  const ceo = await factory.agent('ceo');
  await ceo.ok('task_create', work);
  const first = await factory.agent('developer');
  const second = await factory.agent('developer-2');
  await first.ok('task_checkout');

  expect((await second.call('task_checkout', { task: 'T-1' })).text).toMatch(
    /^CONFLICT: T-1 is active, held by developer\./,
  );
  expect((await second.call('task_checkout', { task: 'T-9' })).text).toMatch(/^NOT_FOUND: No task T-9/);
});

test('gives the same brief again to its holder', async () => {
  const factory = await startFactory({ servers });
  const ceo = await factory.agent('ceo');
  await ceo.ok('task_create', work);
  const developer = await factory.agent('developer');

  const once = await developer.ok('task_checkout');

  expect(await developer.ok('task_checkout')).toEqual(once);
  factory.clock.advance(100_000);
  expect((await developer.ok('task_checkout')).lease_ends_at).toBe('2026-01-01T00:04:40.000Z');
  factory.clock.advance(100_000);
  expect((await developer.ok('task_checkout')).task, 'held for as long as it was told').toBe(once.task);
});

test('gives one task to a session that asks twice at the same moment', async () => {
  const factory = await startFactory({ servers });
  const ceo = await factory.agent('ceo');
  for (let count = 0; count < 4; count++) await ceo.ok('task_create', work);
  const developer = await factory.agent('developer');

  const results = await Promise.all([1, 2, 3].map(() => developer.call('task_checkout')));

  const taken = results.filter((result) => !result.isError).map(({ value }) => value.task);
  expect(new Set(taken)).toEqual(new Set(['T-1']));
  for (const { text } of results.filter((result) => result.isError))
    expect(text).toMatch(/^CONFLICT: You hold T-1\./);
  const { db } = factory.services.store;
  expect(await db.selectFrom('leases').select('subject').where('holder', 'is not', null).execute()).toEqual([
    { subject: 1 },
  ]);
});
