import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { describe, expect, onTestFinished, test } from 'vitest';
import { applyFirstDefinition, readDefinition } from '../../servers/core/factory/create.ts';
import type { JobRunner } from '../../servers/core/jobs.ts';
import { leaseMs, sweep } from '../../servers/core/leases.ts';
import { type OpenOptions, openServices } from '../../servers/core/open.ts';
import type { Services } from '../../servers/core/services.ts';
import { TestClock } from '../harness.ts';
import { DIALECTS, newLocation } from '../store/stores.ts';

const DYING = fileURLToPath(new URL('dying_process.ts', import.meta.url));

/** A factory whose jobs are these runners; `databaseUrl` only when it is on PostgreSQL. */
async function factoryWith(
  jobs: Readonly<Record<string, JobRunner>>,
  { location, ...more }: OpenOptions & { location: string },
): Promise<Services> {
  const isUrl = location.startsWith('postgres');
  const home = isUrl
    ? (await newLocation('sqlite')).replace(/store\.sqlite$/, '')
    : location.replace(/store\.sqlite$/, '');
  const services = await openServices(home, {
    ...more,
    jobs,
    log: () => {},
    ...(isUrl && { databaseUrl: location }),
  });
  onTestFinished(() => services.close());
  const files = await readDefinition('solo');
  const quick = (files['factory.yaml'] ?? '').replace(/beat: \d+/, 'beat: 0.2');
  await applyFirstDefinition(services, { ...files, 'factory.yaml': quick }, 'initial');
  return services;
}

const enqueue = (services: Services, kind: string) =>
  services.store.transaction((tx) =>
    services.jobs.enqueue(tx, kind, { n: 1 }, 'session', services.clock.now()),
  );

const saved = async (services: Services) =>
  (await services.store.db.selectFrom('kills').selectAll().execute()).map(({ reason }) => reason);

describe.each(DIALECTS)('%s', (dialect) => {
  test('a job whose process was killed is resumed by another before its lease ends, under a higher fence, and saved once', async () => {
    const location = await newLocation(dialect);
    const services = await factoryWith(
      {
        build: async (input, job) => ({
          result: { ...input, by: 'second' },
          save: (tx) =>
            tx
              .insertInto('kills')
              .values({ scope: `job:${job.id}`, reason: 'second', at: 1 })
              .execute()
              .then(() => {}),
        }),
      },
      { location },
    );
    const id = await enqueue(services, 'slow');
    const first = execa(
      process.execPath,
      [DYING, services.paths.home, dialect === 'postgres' ? location : ''],
      { reject: false },
    );
    await new Promise((resolve) => first.stdout.once('data', resolve));
    const before = await services.store.db.selectFrom('leases').selectAll().executeTakeFirstOrThrow();
    first.kill('SIGKILL');
    await first;
    await services.store.db
      .updateTable('leases')
      .set({ ends_at: Date.now() + 3_600_000 })
      .execute();
    await services.store.db.updateTable('jobs').set({ kind: 'build' }).execute();

    const done = await services.jobs.wait(id, 10_000);

    expect(done).toEqual({ id, kind: 'build', ok: true, result: { n: 1, by: 'second' } });
    expect(before.fence).toBe(1);
    const after = await services.store.db.selectFrom('leases').selectAll().executeTakeFirstOrThrow();
    expect(after).toMatchObject({ fence: 2, holder: null });
    expect(await saved(services)).toEqual(['second']);
    const events = await services.store.db
      .selectFrom('activity')
      .select('event')
      .where('subject', '=', `job:${id}`)
      .execute();
    expect(events.map(({ event }) => event)).toEqual(['lease.expired', 'job.done']);
  });
});

test('a process that ends gives its jobs back untried, and takes nothing that they still find', async () => {
  const begun: string[] = [];
  const untilStopped =
    (end: 'throws' | 'returns'): JobRunner =>
    async (_, { signal }) => {
      begun.push(end);
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      if (end === 'throws') signal.throwIfAborted();
      return { result: { end } };
    };
  const jobs = { throws: untilStopped('throws'), returns: untilStopped('returns') };
  const services = await factoryWith(jobs, { location: await newLocation('sqlite') });
  await enqueue(services, 'throws');
  await enqueue(services, 'returns');
  services.jobs.kick();
  services.jobs.kick();
  await expect.poll(() => begun.length).toBe(2);

  await services.jobs.stop();

  const { db } = services.store;
  const left = await db.selectFrom('jobs').select(['state', 'attempts', 'result']).execute();
  expect(left).toEqual(Array(2).fill({ state: 'queued', attempts: 0, result: null }));
  const held = db.selectFrom('leases').select('subject').where('holder', 'is not', null);
  expect(await held.execute()).toEqual([]);
});

test('a runner that throws is tried three times, then the job has failed', async () => {
  let runs = 0;
  const services = await factoryWith(
    {
      build: async () => {
        runs++;
        throw new Error('no such thing');
      },
    },
    { location: await newLocation('sqlite') },
  );
  const id = await enqueue(services, 'build');
  services.jobs.kick();

  expect(await services.jobs.wait(id, 10_000)).toMatchObject({
    ok: false,
    result: { failed: expect.stringContaining('failed 3 times') },
  });
  expect(runs).toBe(3);
});

test('a job that keeps losing its process fails after three starts', async () => {
  const clock = new TestClock();
  const services = await factoryWith({}, { location: await newLocation('sqlite'), clock });
  const { factory } = await services.factory();
  const { store } = services;
  const id = await enqueue(services, 'build');
  const states: string[] = [];
  for (let start = 1; start <= 3; start++) {
    await store.transaction(async (tx) => {
      await tx.updateTable('jobs').set({ state: 'running', attempts: start }).execute();
      await tx.deleteFrom('leases').execute();
      await tx
        .insertInto('leases')
        .values({ kind: 'job', subject: id, holder: 'process:dead', fence: start, ends_at: 0 })
        .execute();
    });
    await store.transaction((tx) => sweep(store, tx, factory, clock.now()));
    states.push((await store.db.selectFrom('jobs').select('state').executeTakeFirstOrThrow()).state);
  }

  expect(states).toEqual(['queued', 'queued', 'failed']);
  expect(await services.jobs.wait(id, 0)).toMatchObject({ ok: false });
});

test('a runner whose lease ended meanwhile saves nothing', async () => {
  const clock = new TestClock();
  const location = await newLocation('sqlite');
  const services = await factoryWith(
    {
      build: async () => {
        clock.advance(leaseMs((await services.factory()).factory) + 1);
        return {
          result: {},
          save: (tx) =>
            tx
              .insertInto('kills')
              .values({ scope: 'x', reason: 'late', at: 1 })
              .execute()
              .then(() => {}),
        };
      },
    },
    { location, clock },
  );
  const id = await enqueue(services, 'build');
  services.jobs.kick();

  expect(await services.jobs.wait(id, 700)).toBeUndefined();
  expect(await saved(services)).toEqual([]);
});

test('one process does two jobs at once, and a third when one of them has ended', async () => {
  const going: (() => void)[] = [];
  const services = await factoryWith(
    { build: () => new Promise((resolve) => going.push(() => resolve({ result: {} }))) },
    { location: await newLocation('sqlite') },
  );
  const ids: number[] = [];
  for (let job = 0; job < 3; job++) {
    ids.push(await enqueue(services, 'build'));
    services.jobs.kick();
  }
  await expect.poll(() => going.length).toBe(2);
  going[0]?.();
  await services.jobs.wait(ids[0] ?? 0, 10_000);

  await expect.poll(() => going.length).toBe(3);
  for (const end of going) end();
  expect(await services.jobs.wait(ids[2] ?? 0, 10_000)).toMatchObject({ ok: true });
});
