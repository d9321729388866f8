import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { beforeAll, expect, test } from 'vitest';
import { buildOnce, LAUNCHER, openDesk, withStore } from './command.ts';

beforeAll(buildOnce);

const until = async (holds: () => Promise<boolean>) => {
  for (let tries = 0; !(await holds()); tries++) {
    if (tries > 100) throw new Error('it did not come to be');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};

test('SIGTERM lets a running call finish, takes nothing new, and ends the sessions', async () => {
  const desk = await openDesk();
  await desk.run(['init']);
  const up = execa(process.execPath, [LAUNCHER, 'up', '--port', '0', '--json'], {
    cwd: desk.repository,
    env: { MILLWRIGHT_HOME: desk.home },
    reject: false,
  });
  const { url } = await new Promise<{ url: string }>((resolve) => {
    up.stdout.once('data', (chunk) => resolve(JSON.parse(String(chunk))));
  });
  const { token: enrolment } = JSON.parse(
    await readFile(join(desk.home, 'shop', 'enrolments', 'ceo.json'), 'utf8'),
  );
  const post = (path: string, token: string, body?: string) =>
    fetch(new URL(path, url), {
      method: 'POST',
      headers: {
        Authorization: `Bearer ${token}`,
        'Content-Type': 'application/json',
        Accept: 'application/json, text/event-stream',
      },
      ...(body && { body }),
    });
  const opened = (await (await post('/session', enrolment)).json()) as { token: string };
  const call = (name: string, args: object) =>
    JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args } });
  const task = { title: 'Ship it', criteria: ['It answers'], stops: ['It does not'], role: 'developer' };

  // A writer that holds the store keeps the call running.
  await withStore(desk, async ({ store }) => {
    let created: Promise<Response> | undefined;
    await store.transaction(async (tx) => {
      await tx.updateTable('humans').set({ revoked_at: 1 }).execute();
      created = post('/mcp', opened.token, call('task_create', task));
      await new Promise((resolve) => setTimeout(resolve, 500));
      up.kill('SIGTERM');
      await until(() =>
        fetch(new URL('/health', url)).then(
          (answer) => answer.status === 503,
          () => true,
        ),
      );
      await new Promise((resolve) => setTimeout(resolve, 500));
    });
    const answer = await (await (created as Promise<Response>)).text();
    expect(answer).toContain('T-1');
  });
  expect((await up).exitCode).toBe(0);
  const live = await withStore(desk, ({ store }) =>
    store.db.selectFrom('sessions').select('id').where('ended_at', 'is', null).execute(),
  );
  expect(live).toEqual([]);
});
