import { access, mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { sql } from 'kysely';
import { beforeAll, expect, test } from 'vitest';
import { openStore, type Store } from '../../servers/core/store/store.ts';
import { newLocation } from '../store/stores.ts';
import { fillTasks } from '../store/tasks.ts';
import { buildOnce, type Desk, LAUNCHER, openDesk, withStore } from './command.ts';

beforeAll(buildOnce);

async function openShop(): Promise<Desk> {
  const desk = await openDesk();
  const made = await desk.run(['init']);
  if (made.exit !== 0) throw new Error(made.stdout);
  return desk;
}

/** Runs a command of a factory whose store is that database. */
async function withUrl(desk: Desk, url: string, args: readonly string[]) {
  const ran = await execa(process.execPath, [LAUNCHER, ...args, '--json'], {
    cwd: desk.repository,
    env: { PATH: process.env.PATH ?? '', HOME: desk.folder, MILLWRIGHT_HOME: desk.home, DATABASE_URL: url },
    extendEnv: false,
    reject: false,
    timeout: 8000,
  });
  return { exit: ran.exitCode, json: JSON.parse(ran.stdout), stderr: ran.stderr };
}

async function inStore<T>(location: string, work: (store: Store) => Promise<T>): Promise<T> {
  const store = await openStore(location);
  return work(store).finally(() => store.close());
}

const fileOf = (desk: Desk) => join(desk.home, 'shop', 'store.sqlite');

const session = (id: string, beat: number) => ({
  id,
  agent: 'qa',
  role: 'qa',
  root: id,
  enrolment: null,
  token_hash: null,
  opened_at: beat,
  expires_at: beat + 3_600_000,
  beat_at: beat,
  progress_at: beat,
  ended_at: null,
  revoked_at: null,
  task: null,
  fence: null,
});

test('a factory moves to PostgreSQL and back, and works there; the store it left is stopped', async () => {
  const desk = await openShop();
  const url = await newLocation('postgres');
  const head = join(desk.folder, 'head.json');
  const back = join(desk.folder, 'back.sqlite');
  await desk.run(['record', 'head', '--export', head]);

  const moved = await desk.run(['migrate', '--to', url]);
  const verified = await withUrl(desk, url, ['record', 'verify', '--head', head]);
  const again = await desk.run(['migrate', '--to', url]);
  const left = await desk.run(['status']);
  const used = await inStore(url, () => withUrl(desk, url, ['migrate', '--to', back]));
  const returned = await withUrl(desk, url, ['migrate', '--to', back]);
  const there = await desk.run(['record', 'verify', '--head', head, '--database', back]);

  expect(moved.json).toMatchObject({ ok: true, verified: true, record: { entries: 6 } });
  expect(JSON.stringify(moved.json.next)).toContain('DATABASE_URL');
  expect(moved.stderr).toMatch(/activity: 6 rows, read back and equal/);
  // It came with six; that it came, and whose store it is, follows.
  expect(verified.json).toMatchObject({ ok: true, entries: 8 });
  expect(again).toMatchObject({
    exit: 1,
    json: { error: { message: expect.stringContaining('not empty') } },
  });
  expect(JSON.stringify(left.json)).toContain('moved to postgres');
  expect(used.json.error).toMatchObject({
    code: 'IN_USE',
    message: expect.stringMatching(/connection \d+/),
  });
  expect(returned.json).toMatchObject({ ok: true, record: { entries: 8 } });
  expect((await stat(back)).mode & 0o077).toBe(0);
  expect(there.json).toMatchObject({ ok: true, entries: 9 });
});

test('a factory that somebody works in is not moved, and says who', async () => {
  const desk = await openShop();
  const to = join(desk.folder, 'new.sqlite');
  const up = execa(process.execPath, [LAUNCHER, 'up', '--port', '0', '--json'], {
    cwd: desk.repository,
    env: { MILLWRIGHT_HOME: desk.home },
    reject: false,
  });
  await new Promise((resolve) => up.stdout.once('data', resolve));
  const open = await desk.run(['migrate', '--to', to]);
  up.kill('SIGTERM');
  await up;
  await inStore(fileOf(desk), ({ db }) =>
    db
      .insertInto('sessions')
      .values([session('lively', Date.now()), session('dead', Date.now() - 3_000_000)])
      .execute(),
  );

  const beating = await desk.run(['migrate', '--to', to]);

  expect(open).toMatchObject({ exit: 1, json: { error: { code: 'IN_USE' } } });
  expect(open.json.error?.message).toMatch(new RegExp(`in use: process ${up.pid}\\b`));
  expect(beating.json.error).toMatchObject({
    code: 'IN_USE',
    message: expect.stringContaining('session lively of qa'),
  });
  expect(beating.json.error?.message).not.toContain('dead');
  await expect(access(to)).rejects.toThrow();
});

test('a move that is killed leaves the source as it was and nothing in the target, and can be made again', async () => {
  const desk = await openShop();
  const to = join(desk.folder, 'new.sqlite');
  await withStore(desk, ({ store }) =>
    fillTasks(
      store,
      Array.from({ length: 8000 }, () => ({})),
    ),
  );
  const moving = execa(process.execPath, [LAUNCHER, 'migrate', '--to', to], {
    cwd: desk.repository,
    env: { MILLWRIGHT_HOME: desk.home },
    reject: false,
    buffer: false,
  });
  await new Promise<void>((resolve) => {
    moving.stderr.on('data', (text) => /factory_versions/.test(String(text)) && resolve());
  });
  moving.kill('SIGKILL');
  await moving;

  const tasks = ({ db }: Store) =>
    db
      .selectFrom('tasks')
      .select((eb) => eb.fn.countAll<number>().as('n'))
      .executeTakeFirst();
  expect(await inStore(to, tasks)).toEqual({ n: 0 });
  expect((await desk.run(['record', 'verify'])).json).toMatchObject({ ok: true, entries: 6 });
  expect((await desk.run(['status'])).json).toMatchObject({ stopped: [] });
  expect((await desk.run(['migrate', '--to', to])).json).toMatchObject({
    ok: true,
    tables: { tasks: 8000 },
  });
});

test('a wrong target is one sentence, and is not touched', async () => {
  const desk = await openShop();
  const [newer, text] = ['newer.sqlite', 'text'].map((name) => join(desk.folder, name)) as [string, string];
  await inStore(newer, ({ db }) => sql`insert into schema_version (version) values (99)`.execute(db));
  await writeFile(text, 'this is no database, it is a text'.repeat(100));
  await mkdir(join(desk.folder, 'folder'));

  const codes: unknown[] = [];
  for (const to of [
    fileOf(desk),
    newer,
    text,
    join(desk.folder, 'nowhere', 'x.sqlite'),
    join(desk.folder, 'folder'),
  ]) {
    const { exit, json } = await desk.run(['migrate', '--to', to]);
    codes.push([exit, json.error?.code]);
  }

  expect(codes).toEqual([
    [2, 'SAME_STORE'],
    [3, 'STORE_TOO_NEW'],
    [1, 'NOT_A_STORE'],
    [3, 'NOT_WRITABLE'],
    [3, 'NOT_WRITABLE'],
  ]);
  expect((await desk.run(['status'])).exit).toBe(0);
});
