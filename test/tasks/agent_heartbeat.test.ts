import { expect, test } from 'vitest';
import { startFactory } from '../harness.ts';
import { create } from './stage.ts';

test('extends the lease of the holder and revives none that has ended', async () => {
  const factory = await startFactory({ servers: ['tasks'] });
  const task = await create(await factory.agent('ceo'), 'developer');
  const developer = await factory.agent('developer');
  const beat = () => developer.call('agent_heartbeat', { progress: 'Half of it.' });

  expect((await beat()).text).toMatch(/^CONFLICT: You hold no task/);
  await developer.ok('task_checkout');
  factory.clock.advance(100_000);
  expect((await beat()).value).toEqual({ task, lease_ends_at: '2026-01-01T00:04:40.000Z' });

  await factory.services.store.db.updateTable('leases').set({ ends_at: factory.clock.now() }).execute();
  expect((await beat()).text).toMatch(/^LEASE_LOST: You no longer hold T-1/);
});
