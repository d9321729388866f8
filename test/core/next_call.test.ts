import { execa } from 'execa';
import { beforeEach, describe, expect, test } from 'vitest';
import { answerCall } from '../../servers/core/call.ts';
import { openSession } from '../../servers/core/identity.ts';
import { loadFleet } from '../../servers/fleet.ts';
import { type Sent, type Served, send, serve } from './served.ts';

const rpc = (method: string, params: unknown) => JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });

interface Message {
  error?: { code: number; message: string };
}
const message = ({ text }: Sent): Message => JSON.parse(/^data: (.+)$/m.exec(text)?.[1] ?? text);

let served: Served;
beforeEach(async () => {
  served = await serve();
});

/** What another process, with nothing of ours in it, commits to the store. */
async function elsewhere(statement: string): Promise<void> {
  const script = `import Database from 'better-sqlite3';
    new Database(process.argv[1]).exec(process.argv[2]);`;
  const args = ['--input-type=module', '-e', script, served.services.paths.database, statement];
  await execa(process.execPath, args, { timeout: 20_000 });
}

/** A call as it comes over stdio, where nothing stands before the pipeline. */
async function caller() {
  const { tools } = await loadFleet(['tasks']);
  const { id } = await openSession(served.services, (await served.enrol('developer')).token);
  return async (name: string) => {
    const request = { name, arguments: {}, signal: AbortSignal.timeout(20_000) };
    const answer = await answerCall(tools, served.services, id, request);
    return answer.ok ? 'done' : answer.error.render();
  };
}

describe('what another process commits holds from the next call on', () => {
  test.each([
    ['a session that was revoked', 'update sessions set revoked_at = 1', 'FORBIDDEN'],
    ['an enrolment that was revoked', 'update enrolments set revoked_at = 1', 'FORBIDDEN'],
    ['a session that was ended', 'update sessions set ended_at = 1', 'FORBIDDEN'],
    ['a role that an applied definition does not have', `update sessions set role = 'nobody'`, 'FORBIDDEN'],
    [
      'a definition that nobody signed',
      `insert into factory_versions (digest, body, assurance, applied_at)
         select digest, body, assurance, applied_at from factory_versions`,
      'INTERNAL',
    ],
  ])('%s', async (_, statement, code) => {
    const call = await caller();
    expect(await call('task_list')).toBe('done');

    await elsewhere(statement);

    expect(await call('task_list')).toMatch(new RegExp(`^${code}: `));
  });

  test('a stop', async () => {
    const call = await caller();
    expect(await call('task_checkout')).toMatch(/^NOT_FOUND: /);

    await elsewhere(`insert into kills (scope, reason, at) values ('role:developer', 'Enough.', 1)`);

    expect(await call('task_checkout')).toMatch(/^LIMIT: A human stopped role:developer/);
  });
});

describe('a call that the protocol does not know', () => {
  const say = async (method: string, params: unknown) => {
    const token = await served.session('developer');
    return message(await send(served.url, '/mcp', { body: rpc(method, params), token }));
  };

  test.each([
    ['without a name', { arguments: {} }],
    ['with a name that is no text', { name: 7 }],
    ['with arguments in a list', { name: 'task_list', arguments: [] }],
    ['with arguments in a text', { name: 'task_list', arguments: '{}' }],
  ])('is refused %s', async (_, params) => {
    expect((await say('tools/call', params)).error?.code).toBe(-32602);
  });

  test('is refused without parameters, and by any other method', async () => {
    expect((await say('tools/call', undefined)).error?.code).toBe(-32602);
    expect((await say('tools/run', { name: 'task_list' })).error?.code).toBe(-32601);
    expect((await say('toString', { name: 'task_list' })).error?.code).toBe(-32601);
  });
});
