import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { expect, test, vi } from 'vitest';
import { openRunSession } from '../../hosts/run/session.ts';
import { leaseMs, sweep } from '../../servers/core/leases.ts';
import { insertSpawn } from '../../servers/tasks/agents_queries.ts';
import { noteLaunch, takeRun } from '../../servers/tasks/runs_queries.ts';
import { startFactory } from '../harness.ts';
import { create } from '../tasks/stage.ts';

const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

test('a runner that is killed leaves no host behind', async () => {
  const doomed = execa(process.execPath, [fileURLToPath(new URL('doomed.ts', import.meta.url))], {
    reject: false,
  });
  const pid = Number(await new Promise((resolve) => doomed.stdout.once('data', resolve)));
  expect(isAlive(pid)).toBe(true);
  doomed.kill('SIGKILL');
  await doomed;
  await vi.waitFor(() => expect(isAlive(pid)).toBe(false), 5000);
});

test('a run whose runner is gone is ended with its lease, its credential revoked and its task given back', async () => {
  const factory = await startFactory({ servers: ['tasks'] });
  const { services, clock } = factory;
  const { store } = services;
  const task = await create(await factory.agent('ceo'), 'developer');
  const { factory: definition } = await services.factory();
  const run = await store.transaction(async (tx) => {
    const asked = {
      role: 'developer',
      agent: 'developer',
      task: 1,
      message: '',
      root: 'r',
      requestedBy: 'ceo',
    };
    await insertSpawn(tx, { ...asked, now: clock.now() });
    return takeRun(tx, {
      holder: 'runner:gone',
      stopped: [],
      now: clock.now(),
      endsAt: clock.now() + leaseMs(definition),
    });
  });
  if (!run) throw new Error('Nothing was queued.');
  const stoppedAll = { holder: 'x', now: clock.now(), endsAt: clock.now() };
  expect(
    await store.transaction((tx) => takeRun(tx, { ...stoppedAll, stopped: ['factory'] })),
  ).toBeUndefined();
  const session = await openRunSession(services, run, 60_000_000);
  await store.transaction((tx) =>
    noteLaunch(tx, run.id, { session: session.id, enrolment: session.enrolment }),
  );
  await store.transaction((tx) =>
    tx.updateTable('sessions').set({ task: 1, fence: 1 }).where('id', '=', session.id).execute(),
  );
  await store.transaction(async (tx) => {
    await tx
      .insertInto('leases')
      .values({ kind: 'task', subject: 1, holder: session.id, fence: 1, ends_at: clock.now() + 86_400_000 })
      .execute();
    await tx.updateTable('tasks').set({ state: 'active' }).where('id', '=', 1).execute();
  });
  clock.advance(leaseMs(definition));
  for (const _ of [1, 2]) await store.transaction((tx) => sweep(store, tx, definition, clock.now()));

  const row = await store.db.selectFrom('spawns').selectAll().executeTakeFirstOrThrow();
  expect(row).toMatchObject({ state: 'ended', outcome: 'lost', ended_at: clock.now() });
  const credential = store.db
    .selectFrom('enrolments')
    .select('revoked_at')
    .where('id', '=', session.enrolment);
  expect(await credential.executeTakeFirst()).toEqual({ revoked_at: clock.now() });
  expect(await (await factory.agent('ceo')).ok('task_show', { task })).toMatchObject({ state: 'ready' });
});
