import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { listedProcesses } from '../../servers/core/census.ts';
import { leftovers } from '../e2e/leftovers.ts';
import { buildOnce } from './command.ts';
import { type Host, hostThatForgets, type Mill, openMill, startHost } from './hosts.ts';

beforeAll(buildOnce);

const WORK = { title: 'Ship it', criteria: ['It answers'], stops: ['It does not'], role: 'developer' };

/** By which way the stdio server of a host goes now. */
async function wayOf(mill: Mill, host: Host): Promise<string | undefined> {
  return (await listedProcesses(mill.shop)).find(({ pid }) => pid === host.pid)?.way;
}

const sessions = (mill: Mill) =>
  mill.withStore(({ store }) =>
    store.db.selectFrom('sessions').select(['agent', 'ended_at', 'root']).orderBy('opened_at').execute(),
  );
const live = async (mill: Mill) => (await sessions(mill)).filter(({ ended_at }) => ended_at === null);

/** A developer that holds the only task. */
async function working(mill: Mill): Promise<Host> {
  const ceo = startHost(await mill.enrol('ceo'));
  expect(await ceo.call('task_create', WORK)).toContain('T-1');
  await ceo.close();
  const developer = startHost(await mill.enrol('developer'));
  expect(await developer.call('task_checkout')).toContain('"title":"Ship it"');
  return developer;
}

test.each([
  ['initialize', false],
  ['2026-07-28', true],
])('%s: a daemon and the store give the same answers, byte for byte', async (_, modern) => {
  const mill = await openMill();
  const ceo = await mill.enrol('ceo');
  const answers = async (way: string) => {
    const host = startHost(ceo, { modern });
    const all = [
      await host.ask('tools/list'),
      await host.ask('tools/call', { name: 'task_list', arguments: {} }),
      await host.ask('tools/call', { name: 'task_list', arguments: { nonsense: 1 } }),
      await host.ask('tools/call', { name: 'task_Ü ', arguments: {} }),
      await host.ask('prompts/list'),
      await host.ask('resources/templates/list'),
      await host.ask('resources/read', { uri: 'millwright://artifact/A-99' }),
    ];
    expect(await wayOf(mill, host)).toBe(way);
    await host.close();
    return all;
  };

  const byStore = await answers('store');
  const daemon = await mill.daemon();
  const byDaemon = await answers('daemon');
  await daemon.end('SIGTERM');

  expect(byDaemon).toEqual(byStore);
  expect(byStore[0]).toContain('task_create');
  expect(await live(mill)).toEqual([]);
});

describe('a daemon that ends', () => {
  test.each(['SIGTERM', 'SIGKILL'] as const)(
    'by %s: the session goes on at the store with its task',
    async (signal) => {
      const mill = await openMill();
      const daemon = await mill.daemon();
      const developer = await working(mill);
      expect(await wayOf(mill, developer)).toBe('daemon');

      await daemon.end(signal);
      await expect.poll(() => wayOf(mill, developer)).toBe('store');

      expect(await developer.call('task_complete', { summary: 'It answers.' })).toContain('"outcome":"done"');
      await developer.close();
      expect(await live(mill)).toEqual([]);
      expect((await sessions(mill)).map(({ agent }) => agent)).toEqual(['ceo', 'developer']);
    },
  );

  test('and comes again: the session goes on there, and one that it took over goes on at the store', async () => {
    const mill = await openMill();
    const early = startHost(await mill.enrol('qa'));
    await early.ask('tools/list');
    const first = await mill.daemon();
    const enrolment = await mill.enrol('developer', { url: first.url });
    const far = startHost(enrolment);
    expect(await far.call('task_list')).toContain('"tasks":[]');

    await first.end('SIGTERM');
    const answer = far.send('tools/call', { name: 'task_list', arguments: {} }).answer;
    const second = await mill.daemon(first.port);

    expect(await answer).toContain('\\"tasks\\":[]');
    expect(await wayOf(mill, early)).toBe('store');
    expect((await sessions(mill)).map(({ agent }) => agent)).toEqual(['qa', 'developer']);
    await Promise.all([early.close(), far.close()]);
    expect(await live(mill)).toEqual([]);
    await second.end('SIGTERM');
  });

  test('in the middle of a call: the answer says that nobody knows, and nothing is done twice', async () => {
    const mill = await openMill();
    const daemon = await mill.daemon();
    const ceo = startHost(await mill.enrol('ceo'));
    await ceo.ask('tools/list');

    // A writer that holds the store keeps the call running.
    const line = await mill.withStore(({ store }) =>
      store.transaction(async (tx) => {
        await tx.updateTable('humans').set({ revoked_at: 1 }).execute();
        const { answer } = ceo.send('tools/call', { name: 'task_create', arguments: WORK });
        await new Promise((resolve) => setTimeout(resolve, 300));
        await daemon.end('SIGKILL');
        return await answer;
      }),
    );

    expect(JSON.parse(line).result).toMatchObject({
      isError: true,
      content: [{ text: expect.stringMatching(/^UPSTREAM: .*nobody knows.*\nNext: .*task_show/s) }],
    });
    expect(await ceo.call('task_list')).toBe('{"tasks":[],"more":false}');
  });

  test('with the session: the next call is refused once, and the one after works in a new session', async () => {
    const mill = await openMill();
    const first = await mill.daemon();
    const far = startHost(await mill.enrol('developer', { url: first.url }));
    await far.ask('tools/list');
    await first.end('SIGKILL');
    await mill.withStore(({ store }) => store.db.updateTable('sessions').set({ ended_at: 1 }).execute());
    await mill.daemon(first.port);

    expect(await far.call('task_list')).toMatch(
      /^LEASE_LOST: .*This call was not made\.\nNext: Call task_checkout/s,
    );
    expect(await far.call('task_list')).toContain('"tasks":[]');
    await far.close();
  });
});

test('a stdio server over a daemon gives back what it holds, however its host ends it', async () => {
  const mill = await openMill({ beat: 0.3 });
  await mill.daemon();
  const env = { CLAUDE_CODE_SESSION_ID: 'one-and-the-same' };
  const ceo = startHost(await mill.enrol('ceo'), { env });
  for (const _ of ['SIGTERM', 'SIGHUP', 'SIGKILL']) await ceo.call('task_create', WORK);
  const enrolment = await mill.enrol('developer');
  const held = () =>
    mill.withStore(async ({ store, clock }) => {
      const leases = store.db
        .selectFrom('leases')
        .select('subject')
        .where('kind', '=', 'task')
        .where('ends_at', '>', clock.now());
      const open = (await live(mill)).filter(({ agent }) => agent === 'developer');
      return [(await leases.execute()).length, open.length];
    });
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGKILL'] as const) {
    const developer = startHost(enrolment, { env });
    expect(await developer.call('task_checkout')).toContain('"title":"Ship it"');

    await developer.end(signal);

    // Whoever was killed is missed for one lease.
    if (signal === 'SIGKILL') await expect.poll(held, { timeout: 5000 }).toEqual([0, 0]);
    else expect([signal, await held()]).toEqual([signal, [0, 0]]);
  }

  const parent = hostThatForgets(mill, enrolment);
  await expect.poll(held, { timeout: 10_000 }).toEqual([0, 1]);
  parent.kill('SIGKILL');
  await expect.poll(held, { timeout: 10_000 }).toEqual([0, 0]);

  // All connections of one host count as one person, at a daemon too.
  const roots = (await sessions(mill)).map(({ root }) => root).filter((root) => root.startsWith('host:'));
  expect([roots.length, new Set(roots).size]).toEqual([4, 1]);

  const waiting = ceo.send('tools/call', { name: 'task_wait', arguments: { seconds: 1 } });
  ceo.notify('notifications/cancelled', { requestId: waiting.id });
  const later = ceo.call('task_wait', { seconds: 2 });
  expect(await Promise.race([waiting.answer, later])).toContain('still_waiting');
  expect(await Promise.race([waiting.answer, 'no answer'])).toBe('no answer');
});

test('twenty stdio servers end with their stdin, and leave no process and no file', async () => {
  const mill = await openMill();
  await mill.daemon();
  const ceo = await mill.enrol('ceo');
  const hosts: Host[] = [];
  while (hosts.length < 20) {
    const more = Array.from({ length: 4 }, () => startHost(ceo));
    await Promise.all(more.map((host) => host.ask('tools/list')));
    hosts.push(...more);
  }
  expect((await listedProcesses(mill.shop)).map(({ kind }) => kind)).toHaveLength(21);

  await Promise.all(hosts.map((host) => host.close()));

  expect(await live(mill)).toEqual([]);
  expect((await listedProcesses(mill.shop)).map(({ kind }) => kind)).toEqual(['daemon']);
  expect((await leftovers(mill.home)).filter((line) => line.includes(' mcp '))).toEqual([]);
});

test('an enrolment with a url never opens the home: without its daemon it says so, and leaves no file', async () => {
  const mill = await openMill();
  const enrolment = await mill.enrol('developer', { url: 'http://127.0.0.1:1' });
  const given = JSON.parse(await readFile(enrolment, 'utf8'));
  expect(Object.keys(given).sort()).toEqual(['agent', 'factory', 'token', 'url']);
  const before = await readdir(mill.home, { recursive: true });

  const host = startHost(enrolment, { wait: 0.3 });
  const [called, listed] = [await host.call('task_list'), await host.ask('tools/list')];
  await host.close();

  expect(called).toMatch(/^UPSTREAM: .*127\.0\.0\.1:1 does not answer\.\nNext: .*millwright up/s);
  expect(JSON.parse(listed).error.message).toContain('does not answer');
  expect(await readdir(mill.home, { recursive: true })).toEqual(before);
  await writeFile(enrolment, JSON.stringify({ ...given, url: 'http://example.com' }));
  const refused = startHost(enrolment);
  expect(await refused.ask('tools/list')).toContain('is no enrolment');
  await refused.close();
});

test.each([
  ['agents are separate users (tier 2)', { users: ['nobody'], folder: '/nowhere' }, {}],
  ['the store is a database (tier 3)', undefined, { DATABASE_URL: 'postgres://127.0.0.1:1/none' }],
])('where %s a stdio server speaks to the daemon only', async (_, separate, env) => {
  const mill = await openMill();
  const enrolment = await mill.enrol('developer');
  const daemon = await mill.daemon();
  if (separate) await writeFile(join(mill.shop, 'separate.json'), JSON.stringify(separate));
  const host = startHost(enrolment, { wait: 1, env });
  expect(await host.call('task_list')).toContain('"tasks":[]');
  expect(await wayOf(mill, host)).toBe('daemon');
  expect(await sessions(mill)).toHaveLength(1);

  await daemon.end('SIGKILL');

  const alone = startHost(enrolment, { wait: 0.3, env });
  for (const one of [host, alone])
    expect(await one.call('task_list')).toMatch(
      /^UPSTREAM: .*on this machine does not answer\.\nNext: .*millwright up/s,
    );
  expect(await wayOf(mill, alone)).toBe(undefined);
  await Promise.all([host.close(), alone.close()]);
  expect(await sessions(mill), 'nobody opened one at the store').toHaveLength(1);
});
