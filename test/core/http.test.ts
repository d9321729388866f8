import { describe, expect, onTestFinished, test } from 'vitest';
import { type AnyClient, CLIENTS, type Sent, send, serve } from './served.ts';

const WORK = { title: 'Ship it', criteria: ['It answers'], stops: ['It does not start'], role: 'developer' };
const LARGEST = 1_000_000;

const rpc = (method: string, params: object = {}) =>
  JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
const toolCall = (name: string, args: object = {}) => rpc('tools/call', { name, arguments: args });

/** The JSON-RPC message in an answer, whether it came as JSON or as an event stream. */
function message({ text }: Sent): {
  result?: { isError?: boolean; content?: { text: string }[]; tools?: { name: string }[] };
  error?: { message: string };
} {
  const data = /^data: (.+)$/m.exec(text)?.[1];
  return JSON.parse(data ?? text);
}
const said = (sent: Sent) => message(sent).result?.content?.[0]?.text;

const toolText = (result: unknown) => (result as { content: { text: string }[] }).content[0]?.text;

describe.each(Object.entries(CLIENTS))('%s', (_, connect) => {
  test('speaks over HTTP: lists, works, and is told what it may not do', async () => {
    const served = await serve();
    const open = async (agent: string): Promise<AnyClient> => {
      const client = await connect.http(new URL(`${served.url}/mcp`), await served.session(agent));
      onTestFinished(() => client.close());
      return client;
    };
    const [ceo, developer] = [await open('ceo'), await open('developer')];

    await holdsToRoles(ceo, developer);

    const { tools } = await developer.listTools();
    expect((await developer.listTools()).tools).toEqual(tools);
    expect((await (await open('developer-2')).listTools()).tools).toEqual(tools);
  });

  test('speaks over stdio, and the session ends with its host', async () => {
    const served = await serve();
    const mcp = new URL('../../cli/mcp.ts', import.meta.url).href;
    const open = async (agent: string): Promise<AnyClient> => {
      const { path } = await served.enrol(agent);
      const start = `import(${JSON.stringify(mcp)}).then(({ mcp }) => mcp(['--enrolment', process.argv[1], '--servers', 'tasks'], {}))`;
      return connect.stdio({ command: process.execPath, args: ['-e', start, path] });
    };
    const [ceo, developer] = await Promise.all([open('ceo'), open('developer')]);

    await holdsToRoles(ceo, developer);
    await Promise.all([ceo.close(), developer.close()]);

    const live = () =>
      served.services.store.db.selectFrom('sessions').select('id').where('ended_at', 'is', null).execute();
    await expect.poll(live, { timeout: 5000 }).toEqual([]);
  });
});

async function holdsToRoles(ceo: AnyClient, developer: AnyClient) {
  const names = async (client: AnyClient) => (await client.listTools()).tools.map(({ name }) => name);
  expect(await names(developer)).not.toContain('task_create');
  expect(await names(ceo)).toContain('task_create');
  expect(await names(ceo)).toEqual((await names(ceo)).toSorted());

  expect(toolText(await ceo.callTool({ name: 'task_create', arguments: WORK }))).toContain('"task":"T-1"');
  expect(toolText(await developer.callTool({ name: 'task_checkout' }))).toContain('"title":"Ship it"');
  expect(await developer.callTool({ name: 'task_create', arguments: WORK })).toMatchObject({ isError: true });
  expect(toolText(await developer.callTool({ name: 'task_create', arguments: WORK }))).toMatch(
    /^FORBIDDEN: The role developer may not create tasks and start pipelines \(task:plan\)\.\nNext: /,
  );
  expect(toolText(await developer.callTool({ name: 'task_approve' }))).toMatch(
    /^NOT_FOUND: There is no tool task_approve\./,
  );
  expect(
    toolText(await developer.callTool({ name: 'task_complete', arguments: { summary: 'Done.' } })),
  ).toContain('"outcome":"done"');
}

describe('who calls', () => {
  test('no token, one of another form, an unknown one, and one in the wrong place are turned away', async () => {
    const { url, session } = await serve();
    const token = await session('developer');
    const unknown = `mw_${'x'.repeat(43)}`;
    const tries = [
      send(url, '/mcp', { body: rpc('tools/list') }),
      send(url, '/mcp', { body: rpc('tools/list'), token: 'secret' }),
      send(url, '/mcp', { body: rpc('tools/list'), token: unknown }),
      send(url, '/mcp', { body: rpc('tools/list'), token: `${token} ${token}` }),
      send(url, `/mcp?token=${token}&access_token=${token}`, { body: rpc('tools/list') }),
      send(url, '/mcp', { body: rpc('tools/list', { _meta: { token } }) }),
      send(url, '/mcp', {
        body: rpc('tools/list'),
        headers: { Cookie: `token=${token}`, 'X-Api-Key': token },
      }),
      send(url, '/mcp', { body: rpc('tools/list'), headers: { Authorization: `Basic ${token}` } }),
      send(url, '/mcp', { body: rpc('tools/list'), headers: { 'Mcp-Session-Id': token } }),
      send(url, '/session', { token: undefined as never }),
    ];

    expect((await Promise.all(tries)).map(({ status }) => status)).toEqual(Array(tries.length).fill(401));
    expect((await send(url, '/mcp', { body: rpc('tools/list'), token })).status).toBe(200);
  });

  test('an enrolment is no session, and a session no enrolment', async () => {
    const { url, session, enrol } = await serve();

    expect(
      (await send(url, '/mcp', { body: rpc('tools/list'), token: (await enrol('developer')).token })).status,
    ).toBe(401);
    const answer = await send(url, '/session', { token: await session('developer') });
    expect(answer).toMatchObject({ status: 403, text: expect.stringContaining('credential is unknown') });
  });

  test('an enrolment that is unknown, expired or revoked opens no session, and each try is recorded', async () => {
    const { url, services, clock, enrol } = await serve();
    const expired = await enrol('developer', clock.now() + 1000);
    const revoked = await enrol('qa');
    clock.advance(1000);
    await services.store.db
      .updateTable('enrolments')
      .set({ revoked_at: 1 })
      .where('agent', '=', 'qa')
      .execute();

    for (const [token, why] of [
      [`mw_${'x'.repeat(43)}`, 'unknown'],
      [expired.token, 'expired'],
      [revoked.token, 'revoked'],
    ] as const) {
      const answer = await send(url, '/session', { token });
      expect(answer).toMatchObject({ status: 403, text: expect.stringContaining(`credential is ${why}`) });
    }
    const refused = await services.store.db
      .selectFrom('activity')
      .select(['agent', 'rule'])
      .where('event', '=', 'refused')
      .execute();
    expect(refused).toEqual([
      { agent: 'unknown', rule: 'credential.unknown' },
      { agent: 'developer', rule: 'credential.expired' },
      { agent: 'qa', rule: 'credential.revoked' },
    ]);
  });

  test('a revocation in the middle of a session holds from the next call on', async () => {
    const { url, services, session } = await serve();
    const token = await session('developer');
    const list = () => send(url, '/mcp', { token, body: toolCall('task_list') });
    expect(said(await list())).toContain('"tasks":[]');

    await services.store.db.updateTable('enrolments').set({ revoked_at: 1 }).execute();

    for (const refused of [await list(), await send(url, '/mcp', { token, body: rpc('tools/list') })]) {
      expect(refused.status).toBe(401);
      expect(JSON.parse(refused.text)).toEqual({ error: "This session's credential is revoked." });
    }
    const recorded = services.store.db.selectFrom('activity').select(['agent', 'rule', 'code']);
    expect(await recorded.where('event', '=', 'refused').execute()).toEqual([
      { agent: 'developer', rule: 'credential.revoked', code: 'FORBIDDEN' },
    ]);
  });

  test('a session ends in time, and never outlives its enrolment', async () => {
    const { url, clock, session, enrol } = await serve();
    const long = await session('ceo');
    const { token } = await enrol('developer', clock.now() + 3_600_000);
    const short = (JSON.parse((await send(url, '/session', { token })).text) as { token: string }).token;
    const answers = async (of: string) => {
      const sent = await send(url, '/mcp', { token: of, body: toolCall('task_list') });
      return sent.status === 401 ? sent.text : said(sent);
    };

    clock.advance(3_600_000);
    expect(await answers(short)).toMatch(/credential is expired/);
    expect(await answers(long)).toContain('"tasks"');

    clock.advance(24 * 3_600_000);
    expect(await answers(long)).toMatch(/credential is expired/);
  });
});

describe('what a request may look like', () => {
  test('foreign Host and Origin are turned away before anything is read; loopback ones are let in', async () => {
    const { url, session } = await serve();
    const token = await session('developer');
    const status = async (headers: Record<string, string>) =>
      (await send(url, '/mcp', { token, headers, body: rpc('tools/list') })).status;

    for (const host of ['evil.example.com', 'localhost.evil.example.com', '0.0.0.0', '127.0.0.1.nip.io']) {
      expect([host, await status({ Host: host })]).toEqual([
        host,
        expect.toSatisfy((code) => code >= 400 && code < 500),
      ]);
    }
    for (const Origin of [
      'https://evil.example.com',
      'null',
      'http://localhost.evil.example.com',
      'file://',
    ]) {
      expect([Origin, await status({ Origin })]).toEqual([
        Origin,
        expect.toSatisfy((code) => code >= 400 && code < 500),
      ]);
    }
    for (const name of ['localhost', '127.0.0.1', '[::1]']) {
      expect(await status({ Host: `${name}:8080`, Origin: `http://${name}:3000` })).toBe(200);
    }
  });

  test('a body over the limit is 413, whether its length is announced or not', async () => {
    const { url, session } = await serve();
    const token = await session('ceo');
    const body = toolCall('task_create', { ...WORK, description: 'x'.repeat(LARGEST) });

    expect((await send(url, '/mcp', { token, body })).status).toBe(413);
    expect(
      (await send(url, '/mcp', { token, body, headers: { 'Transfer-Encoding': 'chunked' } })).status,
    ).toBe(413);
    expect((await send(url, '/mcp', { token, body: toolCall('task_list') })).status).toBe(200);
  });

  test('other paths, other methods and paths that are none', async () => {
    const { url, session } = await serve();
    const token = await session('ceo');

    expect((await send(url, '/health', { method: 'GET' })).status).toBe(200);
    expect((await send(url, '/etc/passwd', { token })).status).toBe(404);
    expect((await send(url, '//', { token })).status).toBe(404);
    expect(
      (await send(url, '/mcp', { token, body: rpc('tools/list'), headers: { 'Content-Type': 'text/plain' } }))
        .status,
    ).toBe(415);
  });

  test('hostile JSON is answered and changes nothing', async () => {
    const { url, services, session } = await serve();
    const token = await session('ceo');
    const create = (args: string) =>
      `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"task_create","arguments":${args}}}`;
    const fields = JSON.stringify(WORK).slice(1, -1);
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    const post = (body: string) => send(url, '/mcp', { token, body });

    for (const args of [
      `{${fields},"constructor":{"prototype":{"admin":true}}}`,
      `{${fields},"agent":"ceo"}`,
      `{${fields},"criteria":${deep}}`,
      `{${fields},"priority":1e309}`,
      `{${fields},"priority":"1"}`,
      `{${fields},"needs":["T-1; drop table tasks"]}`,
      '[]',
      'null',
      '"x"',
    ]) {
      const answer = await post(create(args));
      expect([args.slice(0, 200), answer.status < 500]).toEqual([args.slice(0, 200), true]);
      const refused = message(answer);
      expect([args.slice(0, 200), refused.error !== undefined || refused.result?.isError]).toEqual([
        args.slice(0, 200),
        true,
      ]);
    }
    for (const body of ['', '{', '\0', '{"jsonrpc":"2.0"}', '[]', deep, '\ufeff{}']) {
      expect([body.slice(0, 20), (await post(body)).status]).toEqual([
        body.slice(0, 20),
        expect.toSatisfy((code) => code >= 400 && code < 500),
      ]);
    }
    expect(await services.store.db.selectFrom('tasks').selectAll().execute()).toEqual([]);

    expect(said(await post(create(`{${fields},"title":"First","title":"The last of two"}`)))).toContain(
      'T-1',
    );
    expect(said(await post(create(`{${fields},"title":"\\ud800 lone"}`)))).toMatch(/^INVALID_INPUT: title/);
    expect(said(await post(create(`{${fields},"__proto__":{"priority":1,"admin":true}}`)))).toContain('T-2');
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
    const urgent = services.store.db.selectFrom('tasks').select('id').where('priority', '<>', 50);
    expect(await urgent.execute()).toEqual([]);
    const titles = await services.store.db.selectFrom('tasks').select('title').orderBy('id').execute();
    expect(titles).toEqual([{ title: 'The last of two' }, { title: WORK.title }]);
  });

  test('a tool name of any form is NOT_FOUND, recorded, and breaks nothing', async () => {
    const { url, services, session } = await serve();
    const token = await session('developer');
    for (const name of [
      `${'a'.repeat(79)}😀`,
      '__proto__',
      'constructor',
      '../task_list',
      'x'.repeat(5000),
      '\ud800',
    ]) {
      expect(said(await send(url, '/mcp', { token, body: toolCall(name) }))).toMatch(
        /^NOT_FOUND: There is no tool/,
      );
    }
    const { verifyRecord } = await import('../../servers/core/record.ts');
    expect(await verifyRecord(services.store.db)).toMatchObject({ ok: true });
  });
});
