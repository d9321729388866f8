import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { dial, heard, requestText, sendRaw } from './raw.ts';
import { send, serve } from './served.ts';

const LIST = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} });
const call = (name: string, args: object = {}) =>
  JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args } });
const WORK = { title: 'Ship it', criteria: ['It answers'], stops: ['It does not start'], role: 'developer' };

/** Everything a good request has, but its Host. */
const headersOf = (token: string, body: string): [string, string][] => [
  ['Authorization', `Bearer ${token}`],
  ['Content-Type', 'application/json'],
  ['Accept', 'application/json, text/event-stream'],
  ['Content-Length', String(body.length)],
  ['Connection', 'close'],
];

describe('a page of another site', () => {
  test('reaches nothing by a Host that only resembles this machine', async () => {
    const { url, session } = await serve({ allowedHosts: ['Factory.example'] });
    const token = await session('ceo');
    const statusOf = async (...hosts: string[]) => {
      const given = hosts.map((host): [string, string] => ['Host', host]);
      return (await sendRaw(url, requestText([...given, ...headersOf(token, LIST)], LIST), 5_000)).statuses;
    };

    const tricks = [
      ...['evil.example', 'user@localhost', 'localhost@evil.example', 'localhost:80@evil.example', '0.0.0.0'],
      ...[
        'localhost.',
        '127.1',
        '0x7f000001',
        '2130706433',
        '[::ffff:127.0.0.1]',
        '[::]',
        'localhost#a',
        'a',
      ],
      ...[
        'localhost/',
        'localhost:',
        'localhost:1:1',
        'localhost:999999',
        'localhost, evil.example',
        '',
        'null',
      ],
    ];
    expect(await Promise.all(tricks.map((host) => statusOf(host)))).toEqual(tricks.map(() => [403]));
    expect(await statusOf('localhost', 'evil.example')).toEqual([400]);
    expect(await statusOf()).toEqual([400]);
    for (const host of ['localhost', 'LOCALHOST:1', '127.0.0.1:65535', '[::1]:8930', 'factory.example'])
      expect([host, await statusOf(host)]).toEqual([host, [200]]);
  });

  test('reaches nothing by its Origin, and is told nothing about other origins', async () => {
    const { url, session } = await serve();
    const token = await session('ceo');
    const from = (Origin: string) => send(url, '/mcp', { token, body: LIST, headers: { Origin } });

    for (const origin of [
      ...['null', '', 'https://evil.example', 'http://localhost@evil.example', 'http://user@localhost'],
      ...['file://', 'localhost', 'ftp://localhost', 'http://localhost.evil.example', 'http://localhost/'],
      ...['chrome-extension://localhost', 'http://127.1', 'http://localhost http://evil.example'],
    ]) {
      expect([origin, (await from(origin)).status]).toEqual([origin, 403]);
    }
    const preflight = await send(url, '/mcp', {
      method: 'OPTIONS',
      headers: { Origin: 'http://localhost:3000', 'Access-Control-Request-Method': 'POST' },
    });
    expect(preflight.status).toBe(401);
    expect(Object.keys(preflight.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  });

  test('cannot have a browser post a form in the name of somebody', async () => {
    const { url, services, session } = await serve();
    const body = call('task_create', WORK);
    const simple = { 'Content-Type': 'text/plain' };
    const token = await session('ceo');

    expect((await send(url, '/mcp', { headers: simple, body })).status).toBe(401);
    expect((await send(url, '/mcp', { headers: simple, body, token })).status).toBe(415);
    expect(await services.store.db.selectFrom('tasks').selectAll().execute()).toEqual([]);
  });
});

describe('a request inside a request', () => {
  test('is never answered, whatever a proxy in front made of it', async () => {
    const { url, services, session } = await serve();
    const token = await session('ceo');
    const body = call('task_create', WORK);
    const host: [string, string] = ['Host', 'localhost'];
    const hidden = requestText([host, ...headersOf(token, body)], body);
    const plain = headersOf(token, LIST).filter(([name]) => !/^(Content-Length|Connection)$/.test(name));
    const length: [string, string] = ['Content-Length', String(LIST.length)];
    const chunked: [string, string] = ['Transfer-Encoding', 'chunked'];
    const whole = `0\r\n\r\n${hidden}`;
    const smuggled = {
      'length and chunks': requestText([host, ...plain, length, chunked], whole),
      'chunks and length': requestText([host, ...plain, chunked, length], whole),
      'two lengths': requestText([host, ...plain, length, ['Content-Length', '0']], LIST + hidden),
      'two equal lengths': requestText([host, ...plain, length, length], LIST + hidden),
      'a list of lengths': requestText(
        [host, ...plain, ['Content-Length', `${LIST.length}, 0`]],
        LIST + hidden,
      ),
      'a negative length': requestText([host, ...plain, ['Content-Length', '-1']], LIST + hidden),
      'a length with a sign': requestText(
        [host, ...plain, ['Content-Length', `+${LIST.length}`]],
        LIST + hidden,
      ),
      'a space before the colon': requestText(
        [host, ...plain, ['Transfer-Encoding ', 'chunked'], length],
        whole,
      ),
      'chunks inside something': requestText(
        [host, ...plain, ['Transfer-Encoding', 'chunked, identity']],
        whole,
      ),
      'a folded header': requestText(
        [host, ...plain, ['X-Folded', 'a\r\n Content-Length: 0'], length],
        LIST + hidden,
      ),
      'a bare line feed': requestText(
        [host, ...plain, ['X-Bare', 'a\nContent-Length: 0'], length],
        LIST + hidden,
      ),
      'a NUL in a header': requestText([host, ...plain, ['X-Nul', 'a\0b'], length], LIST + hidden),
      'a chunk with a wild size': requestText([host, ...plain, chunked], `fffffffffffffffff\r\n${hidden}`),
      'another host in the line': requestText(
        [host, ...headersOf(token, LIST)],
        LIST,
        'POST http://evil.example/mcp HTTP/1.1',
      ),
    };

    const answers = await Promise.all(
      Object.entries(smuggled).map(async ([what, text]) => [what, await sendRaw(url, text, 1000)] as const),
    );

    for (const [what, { statuses, closed }] of answers)
      expect([what, statuses, closed]).toEqual([what, [400], true]);
    expect(await services.store.db.selectFrom('tasks').selectAll().execute()).toEqual([]);
    expect((await sendRaw(url, hidden)).statuses).toEqual([200]);
  });
});

describe('a credential that does not count', () => {
  test('is 401 with the reason, as RFC 6750 has it', async () => {
    const [here, elsewhere] = [await serve(), await serve()];
    const { db } = here.services.store;
    const tokens = {
      unknown: `mw_${'x'.repeat(43)}`,
      'of another factory': await elsewhere.session('ceo'),
      expired: await here.session('cto'),
      revoked: await here.session('cmo'),
      ended: await here.session('coo'),
    };
    const [session] = await db.selectFrom('sessions').select('id').where('agent', '=', 'coo').execute();
    const past = { expired: { expires_at: 1 }, revoked: { revoked_at: 1 }, ended: { ended_at: 1 } };
    for (const [agent, change] of [
      ['cto', past.expired],
      ['cmo', past.revoked],
      ['coo', past.ended],
    ] as const)
      await db.updateTable('sessions').set(change).where('agent', '=', agent).execute();

    for (const [what, token] of Object.entries(tokens)) {
      const answer = await send(here.url, '/mcp', { token, body: LIST });
      const why = /unknown|another/.test(what) ? 'unknown' : what === 'revoked' ? 'revoked' : 'expired';
      expect([what, answer.status, answer.headers['www-authenticate']]).toEqual([
        what,
        401,
        `Bearer realm="millwright", error="invalid_token", error_description="This session's credential is ${why}."`,
      ]);
    }
    const none = await send(here.url, '/mcp', { body: LIST });
    expect([none.status, none.headers['www-authenticate']]).toEqual([401, 'Bearer realm="millwright"']);
    const jwt = `${btoa('{"alg":"none"}')}.${btoa('{"sub":"ceo"}')}.`;
    for (const token of [jwt, jwt.replaceAll('=', ''), session?.id ?? '', `mw_${'x'.repeat(8000)}`])
      expect((await send(here.url, '/mcp', { token, body: LIST })).status).toBe(401);
    expect((await sendRaw(here.url, requestText([['X', 'x'.repeat(20_000)]]))).statuses).toEqual([431]);
  });

  test('the id of a session, or one that a client makes up, changes nothing about who calls', async () => {
    const { url, services, session } = await serve();
    const [ceo, developer] = [await session('ceo'), await session('developer')];
    const [row] = await services.store.db
      .selectFrom('sessions')
      .selectAll()
      .where('agent', '=', 'ceo')
      .execute();
    const headers = { 'Mcp-Session-Id': row?.id ?? '', 'X-Forwarded-User': 'ceo', Cookie: `token=${ceo}` };

    const answer = await send(url, '/mcp', { token: developer, headers, body: call('task_create', WORK) });

    expect(answer.text).toContain('FORBIDDEN: The role developer may not create tasks');
    const refused = services.store.db.selectFrom('activity').select('agent').where('event', '=', 'refused');
    expect(await refused.execute()).toEqual([{ agent: 'developer' }]);
  });

  test('too many from one address have to wait, what is at work there goes on, and other addresses too', async () => {
    const served = await serve({ behindProxy: true, limits: { failures: { burst: 3, perSecond: 2 } } });
    const token = await served.session('ceo');
    const from = (address: string, bearer: string, path = '/mcp') =>
      send(served.url, path, { token: bearer, body: LIST, headers: { 'X-Forwarded-For': address } });
    const bad = `mw_${'x'.repeat(43)}`;
    expect((await from('192.0.2.1', token)).status).toBe(200);

    const tries = ['/mcp', '/session', '/mcp', '/session', '/mcp', '/session'];
    const statuses: number[] = [];
    for (const path of tries) statuses.push((await from('198.51.100.9, 192.0.2.1', bad, path)).status);
    const late = await from('192.0.2.1', bad);

    expect(statuses).toEqual([401, 403, 401, 429, 429, 429]);
    expect([late.status, Number(late.headers['retry-after'])]).toEqual([429, 1]);
    expect((await from('192.0.2.1', token)).status).toBe(200);
    expect((await from('198.51.100.9', bad)).status).toBe(401);
    const recorded = served.services.store.db
      .selectFrom('activity')
      .select('seq')
      .where('event', '=', 'refused');
    expect(await recorded.execute()).toHaveLength(1);
    await sleep(600);
    expect((await from('192.0.2.1', bad)).status).toBe(401);
  });

  test('without a proxy nobody gets another address by a header', async () => {
    const { url } = await serve({ limits: { failures: { burst: 2, perSecond: 0.01 } } });
    const statuses: number[] = [];
    for (const address of ['192.0.2.1', '192.0.2.2', '192.0.2.3'])
      statuses.push(
        (
          await send(url, '/mcp', {
            token: `mw_${'x'.repeat(43)}`,
            headers: { 'X-Forwarded-For': address, Forwarded: `for=${address}`, 'X-Real-IP': address },
          })
        ).status,
      );

    expect(statuses).toEqual([401, 401, 429]);
  });
});

describe('a flood', () => {
  test('of requests is bounded for each session, and the others do not notice', async () => {
    const { url, session } = await serve({ limits: { session: { burst: 5, perSecond: 2 } } });
    const [loud, quiet] = [await session('ceo'), await session('cto')];
    const list = (token: string) => send(url, '/mcp', { token, body: LIST });

    const answers: Awaited<ReturnType<typeof list>>[] = [];
    for (let count = 0; count < 8; count++) answers.push(await list(loud));

    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 429, 429, 429]);
    expect(Number(answers[7]?.headers['retry-after'])).toBe(1);
    expect((await list(quiet)).status).toBe(200);
    await sleep(700);
    expect((await list(loud)).status).toBe(200);
  });

  test('of waiting calls is bounded for each session', async () => {
    const { url, session } = await serve({ limits: { open: 3 } });
    const [loud, quiet] = [await session('ceo'), await session('cto')];
    const wait = (token: string) => send(url, '/mcp', { token, body: call('task_wait', { seconds: 1 }) });
    const answers = await Promise.all([loud, loud, loud, loud, quiet].map(wait));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 200, 429]);
    expect(answers[4]?.status).toBe(200);
  });

  test('of ten megabytes is not read to its end, with or without a length', async () => {
    const { url, session } = await serve();
    const token = await session('ceo');
    const ten = 'x'.repeat(10_000_000);
    const open = headersOf(token, '').filter(([name]) => name !== 'Content-Length');
    const chunked: [string, string][] = [['Host', 'localhost'], ...open, ['Transfer-Encoding', 'chunked']];
    const long: [string, string][] = [
      ['Host', 'localhost'],
      ['Content-Length', '10000000'],
    ];

    const [inChunks, announced] = await Promise.all([
      sendRaw(url, requestText(chunked, `989680\r\n${ten}`), 2000),
      sendRaw(url, requestText(long), 2000),
    ]);

    expect([inChunks.statuses, inChunks.closed]).toEqual([[413], true]);
    expect(announced.statuses).toEqual([413]);
  });

  test('of connections that say nothing, or little, is cut off in time', async () => {
    const { url, session } = await serve({ limits: { headersMs: 400, requestMs: 1600 } });
    const token = await session('ceo');
    const begun = requestText([['Host', 'localhost'], ...headersOf(token, LIST)]);
    const [slowHead, slowBody, silent] = await Promise.all([dial(url), dial(url), dial(url)]);
    slowHead.write(begun.slice(0, 40));
    slowBody.write(begun + LIST.slice(0, 10));
    const drip = setInterval(() => slowHead.writable && slowHead.write('X'), 100);
    const slow = await Promise.all(
      [slowHead, slowBody, silent].map(async (socket) => ({
        ...(await heard(socket, 5000)),
        at: performance.now(),
      })),
    );
    clearInterval(drip);
    const [head, body] = slow;
    expect(slow.map(({ closed }) => closed)).toEqual([true, true, true]);
    expect(head?.statuses).toEqual([408]);
    expect((body?.at ?? 0) - (head?.at ?? 0)).toBeGreaterThan(500);
  });

  test('of idle connections makes room for those who come later', async () => {
    const { url, session } = await serve({ limits: { connections: 300 } });
    const token = await session('ceo');

    const idle: Socket[] = [];
    while (idle.length < 2000)
      idle.push(...(await Promise.all(Array.from({ length: 100 }, () => dial(url)))));
    for (const socket of idle) socket.resume();
    const since = performance.now();
    const answer = await send(url, '/mcp', { token, body: LIST });

    expect(answer.status).toBe(200);
    expect(performance.now() - since).toBeLessThan(1000);
    await expect
      .poll(() => idle.filter(({ destroyed }) => destroyed).length, { timeout: 5000 })
      .toBeGreaterThanOrEqual(1700);
  });
});
