import { connect, createServer, type Socket } from 'node:net';
import { sql } from 'kysely';
import { expect, onTestFinished, test, vi } from 'vitest';
import { append } from '../../servers/core/record.ts';
import { startDatabaseClock } from '../../servers/core/store/database_clock.ts';
import { listen } from '../../servers/core/store/ear.ts';
import { openStore, type Tx } from '../../servers/core/store/store.ts';
import { claimTask } from '../../servers/tasks/claim_queries.ts';
import { databaseUrl, startPostgres } from '../postgres.ts';
import { newLocation, newStore, onPostgres } from './stores.ts';
import { fillTasks } from './tasks.ts';

const entry = { at: 1, session: 's', agent: 'a', role: 'r', event: 'call' };

test('a link that is half open is noticed and replaced, and what is said on the new one is heard', async () => {
  const url = await newLocation('postgres');
  const proxy = await startProxy(url);
  let reopened = 0;
  const heard: string[] = [];
  const ear = await listen(proxy.url, 'said', {
    checkMs: 100,
    patienceMs: 300,
    heard: (payload) => heard.push(payload),
    reopened: () => reopened++,
  });
  onTestFinished(() => ear.stop());
  const say = (text: string) => onPostgres(url, (client) => client.query(`notify said, '${text}'`));

  await say('before');
  await expect.poll(() => heard).toEqual(['before']);
  proxy.swallow();
  await say('into the void');
  await expect.poll(() => reopened, { timeout: 3000 }).toBe(1);
  await say('after');

  await expect.poll(() => heard).toEqual(['before', 'after']);
});

test('a process has one connection that listens, however many wait', async () => {
  const { store, location } = await newStore('postgres');
  const waiting = Array.from({ length: 20 }, () => store.changed(5000));
  const listening = () =>
    onPostgres(location, (client) =>
      client.query(
        `select pid from pg_stat_activity where datname = current_database() and query like 'listen %'`,
      ),
    );

  expect((await listening()).rowCount).toBe(1);
  await store.transaction((tx) => append(store, tx, entry));
  await Promise.all(waiting);
  expect((await listening()).rowCount).toBe(1);
});

test('a claim does not wait for another one that is not committed yet', async () => {
  const { store } = await newStore('postgres');
  await fillTasks(store, [{}, {}]);
  const claim = (tx: Tx, session: string) =>
    claimTask(tx, { role: 'developer', session, now: 1, leaseEndsAt: 1000 });

  const claimed = await store.transaction(async (first) => [
    await claim(first, 'a'),
    await store.transaction((second) => claim(second, 'b')),
  ]);

  expect(claimed.map((task) => task?.id)).toEqual([1, 2]);
});

test('a database server that crashes takes no process with it: calls fail, then go on, and wake-ups come again', async () => {
  const server = await startPostgres();
  onTestFinished(() => server.stop());
  await onPostgres(server.url, (client) => client.query('create database crashing'));
  const url = databaseUrl(server.url, 'crashing');
  const [store, other] = await Promise.all([openStore(url), openStore(url)]);
  const held = store.transaction(async (tx) => {
    await append(store, tx, entry);
    server.restart();
    await sql`select pg_sleep(5)`.execute(tx);
  });

  await expect(held).rejects.toMatchObject({ code: 'UPSTREAM', rule: 'store.gone' });
  const write = () => store.transaction((tx) => append(store, tx, entry));
  await expect.poll(() => write().catch(() => 0), { timeout: 10_000, interval: 100 }).toBeGreaterThan(0);
  const soon = async () => {
    await other.changed(100);
    const since = performance.now();
    const waiting = other.changed(10_000);
    await write();
    await waiting;
    return performance.now() - since;
  };
  await expect.poll(soon, { timeout: 10_000 }).toBeLessThan(400);
  const times = [await soon(), await soon(), await soon()];
  expect(times.sort((a, b) => a - b)[1]).toBeLessThan(400);
  await Promise.all([store.close(), other.close()]);
});

test('machines whose clocks differ agree on the time of the database', async () => {
  const { store } = await newStore('postgres');
  const real = Date.now;
  const own = vi.spyOn(Date, 'now').mockImplementation(() => real() + 3_600_000);
  onTestFinished(() => own.mockRestore());

  const clock = await startDatabaseClock(store.db);
  onTestFinished(() => clock.stop());

  expect(Math.abs(clock.now() - real())).toBeLessThan(500);
});

/** A way to PostgreSQL that can stop carrying anything while its connections stay open. */
async function startProxy(url: string) {
  const { hostname, port, searchParams, pathname, username } = new URL(url);
  const folder = searchParams.get('host');
  const carried = new Set<Socket>();
  const proxy = createServer((near) => {
    const far = folder
      ? connect(`${folder}/.s.PGSQL.${port || 5432}`)
      : connect(Number(port || 5432), hostname);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      carried.add(from);
      from.on('error', () => {});
      from.pipe(to);
    }
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    proxy.close();
    for (const socket of carried) socket.destroy();
  });
  const { port: own } = proxy.address() as { port: number };
  return {
    url: `postgres://${username}@127.0.0.1:${own}${pathname}`,
    swallow() {
      for (const socket of carried) socket.unpipe().resume();
      carried.clear();
    },
  };
}
