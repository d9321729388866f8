import { cp, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { execa } from 'execa';
import { beforeAll, expect, test } from 'vitest';
import { checkBackup } from '../../cli/backup_check.ts';
import { PARTS, signManifest } from '../../cli/backup_manifest.ts';
import { appendAttestation } from '../../servers/core/git/attest.ts';
import { headOfMain, openAuthority } from '../../servers/core/git/authority.ts';
import { git } from '../../servers/core/git/git.ts';
import { endSession } from '../../servers/core/identity.ts';
import { takeLease } from '../../servers/core/leases.ts';
import { openFactoryKey } from '../../servers/core/signing/factory_key.ts';
import { signStatement } from '../../servers/core/signing/statement.ts';
import { newLocation } from '../store/stores.ts';
import { fillTasks } from '../store/tasks.ts';
import { startWorker } from '../store/workers.ts';
import { buildOnce, type Desk, LAUNCHER, openDesk, withStore } from './command.ts';

beforeAll(buildOnce);

const FAR = 4_000_000_000_000;

/** A factory in which a session holds a task, a job runs, and a gate is attested. */
async function openShop(): Promise<Desk> {
  const desk = await openDesk();
  const made = await desk.run(['init']);
  if (made.exit !== 0) throw new Error(made.stdout);
  await withStore(desk, async (services) => {
    const { store, paths } = services;
    await fillTasks(store, [{}, {}]);
    await store.transaction(async (tx) => {
      await tx
        .insertInto('sessions')
        .values({ ...SESSION, id: 'busy', root: 'busy', task: 1, fence: 2 })
        .execute();
      for (const holder of ['gone', 'busy']) {
        await tx.updateTable('leases').set({ holder: null }).execute();
        await takeLease(tx, 'task', 1, holder, FAR);
      }
      await tx.updateTable('tasks').set({ state: 'active' }).where('id', '=', 1).execute();
      const job = await services.jobs.enqueue(tx, 'gates.test', {}, 'busy', 1);
      await tx.updateTable('jobs').set({ state: 'running' }).where('id', '=', job).execute();
      await takeLease(tx, 'job', job, 'process:gone', FAR);
    });
    const bare = await openAuthority(paths.git);
    const commit = await headOfMain(bare);
    const tree = (await git(bare, ['rev-parse', `${commit}^{tree}`])).toString().trim();
    const statement = signStatement(
      {
        subject: { commit, tree },
        predicateType: 'https://millwright.dev/gate/v1',
        predicate: { closed: true },
      },
      (await services.key()).privateKey,
    );
    await appendAttestation(bare, commit, 'a.dsse.json', Buffer.from(statement), new Date(1_700_000_000_000));
  });
  return desk;
}

const SESSION = {
  agent: 'qa',
  role: 'qa',
  enrolment: null,
  token_hash: null,
  opened_at: 1,
  expires_at: FAR,
  beat_at: 1,
  progress_at: 1,
  ended_at: null,
  revoked_at: null,
};

/** The same repository, on a machine that has no factory yet. */
const elsewhere = (desk: Desk) => join(desk.folder, 'elsewhere');

test('a backup is taken while somebody writes, and gives the factory back on another machine', async () => {
  const desk = await openShop();
  const folder = join(desk.folder, 'kept');
  const home = elsewhere(desk);
  await mkdir(join(desk.home, 'shop', 'memory', 'qa'), { recursive: true });
  await writeFile(join(desk.home, 'shop', 'memory', 'qa', 'MEMORY.md'), 'by hand');
  const writer = await startWorker('append', join(desk.home, 'shop', 'store.sqlite'), {
    session: 's',
    count: Number.MAX_SAFE_INTEGER,
  });
  writer.go();
  for (let line = 0; line < 5; line++) await writer.line();
  const taken = await desk.run(['backup', folder]);
  for (let line = 0; line < 2; line++) await writer.line();
  writer.kill();
  const head = join(desk.folder, 'head.json');
  await cp(join(folder, 'head.json'), head);

  const restored = await desk.run(['--home', home, 'restore', folder, '--head', head]);
  const again = await desk.run(['--home', home, 'restore', folder]);
  const verified = await desk.run(['--home', home, 'record', 'verify', '--head', head]);
  const attested = await desk.run(['--home', home, 'gates', 'verify', await desk.git(['rev-parse', 'HEAD'])]);
  const there = await withStore({ ...desk, home }, async ({ store: { db } }) => ({
    sessions: await db.selectFrom('sessions').select('ended_at').where('ended_at', 'is', null).execute(),
    leases: await db.selectFrom('leases').select(['kind', 'holder', 'fence']).orderBy('kind').execute(),
    tasks: await db.selectFrom('tasks').select('state').execute(),
    jobs: await db.selectFrom('jobs').select('state').execute(),
    enrolments: await db.selectFrom('enrolments').select('id').where('revoked_at', 'is', null).execute(),
    again: await db.transaction().execute((tx) => takeLease(tx, 'task', 1, 'next', FAR)),
  }));
  const fresh = await desk.run(['--home', home, 'init']);

  expect(taken.json).toMatchObject({ ok: true, verified: true, statements: 1, heads: 1 });
  for (const path of ['', 'keys/factory_key.pem', 'store.sqlite', 'backup.json']) {
    expect((await stat(join(folder, path))).mode & 0o077, path).toBe(0);
  }
  const kept = await execa('grep', ['-rl', 'mw_', folder], { reject: false });
  expect(kept.stdout).toBe('');
  expect(await readFile(join(home, 'shop', 'memory', 'qa', 'MEMORY.md'), 'utf8')).toBe('by hand');
  expect(restored.json).toMatchObject({
    ok: true,
    sessions_ended: 1,
    leases_ended: 2,
    entries: taken.json.entries,
  });
  expect(again).toMatchObject({ exit: 1, json: { error: { code: 'EXISTS' } } });
  expect(verified.json).toMatchObject({ ok: true });
  expect(attested.json).toMatchObject({ ok: true, verified: true });
  expect(there).toEqual({
    sessions: [],
    leases: [
      { kind: 'job', holder: null, fence: 1 },
      { kind: 'task', holder: null, fence: 2 },
    ],
    tasks: [{ state: 'ready' }, { state: 'ready' }],
    jobs: [{ state: 'queued' }],
    enrolments: [],
    again: 3,
  });
  expect(fresh.json).toMatchObject({ ok: true, created: false });
  expect(Object.keys(fresh.json.enrolments ?? {})).toContain('qa');
});

test('a factory on PostgreSQL is backed up and put into another database', async () => {
  const desk = await openShop();
  const [url, other] = [await newLocation('postgres'), await newLocation('postgres')];
  await withStore(desk, ({ store, clock }) =>
    store.transaction(async (tx) => {
      await endSession(tx, 'busy', clock.now());
      await tx.updateTable('leases').set({ holder: null, ends_at: 0 }).execute();
    }),
  );
  const env = { PATH: process.env.PATH ?? '', HOME: desk.folder, MILLWRIGHT_HOME: desk.home };
  const run = async (args: readonly string[], database: string) => {
    const options = { cwd: desk.repository, extendEnv: false, reject: false, timeout: 20_000 };
    const ran = await execa(process.execPath, [LAUNCHER, ...args, '--json'], {
      ...options,
      env: { ...env, DATABASE_URL: database },
    });
    return JSON.parse(ran.stdout);
  };
  const moved = await desk.run(['migrate', '--to', url]);
  const folder = join(desk.folder, 'kept');

  const taken = await run(['backup', folder], url);
  const restored = await run(['--home', elsewhere(desk), 'restore', folder], other);
  const verified = await run(['--home', elsewhere(desk), 'record', 'verify'], other);

  expect(moved.json).toMatchObject({ ok: true });
  expect(taken).toMatchObject({ ok: true, verified: true, statements: 1 });
  expect(restored).toMatchObject({ ok: true, entries: taken.entries });
  expect(verified.ok).toBe(true);
  expect(verified.entries).toBeGreaterThan(taken.entries);
});

test('a backup in which anything was changed is refused with what does not hold, even when it is signed anew', async () => {
  const desk = await openShop();
  const whole = join(desk.folder, 'whole');
  await desk.run(['backup', whole]);
  const { privateKey } = await openFactoryKey(join(whole, 'keys'));
  const commit = await desk.git(['rev-parse', 'HEAD']);
  let tries = 0;
  const found = async (spoil: (folder: string) => Promise<unknown>, { signed = true } = {}) => {
    const folder = join(desk.folder, `spoilt-${tries++}`);
    await cp(whole, folder, { recursive: true });
    await spoil(folder);
    if (signed) {
      const manifest = JSON.parse(await readFile(join(folder, PARTS.manifest), 'utf8')).manifest;
      const { factory, millwright, at } = manifest;
      await writeFile(
        join(folder, PARTS.manifest),
        await signManifest(folder, { factory, millwright, at }, privateKey),
      );
    }
    const error = await checkBackup(folder, `${folder}-home`).catch((thrown: Error) => thrown);
    return error instanceof Error ? error.message.replace(/^.* does not hold: /, '') : 'it holds';
  };
  const change = (statement: string) => async (folder: string) => {
    const database = new Database(join(folder, PARTS.store));
    for (const name of ['activity_freeze', 'activity_keep']) database.exec(`drop trigger ${name}`);
    database.exec(statement).close();
  };
  const flip = (path: string, at: number) => async (folder: string) => {
    const bytes = await readFile(join(folder, path));
    const place = at < 0 ? bytes.length + at : at;
    bytes[place] = (bytes[place] ?? 0) ^ 1;
    await writeFile(join(folder, path), bytes);
  };
  const forge = async (folder: string) => {
    const home = join(folder, '..', 'forger');
    await checkBackup(whole, home);
    const bare = await openAuthority(home);
    await appendAttestation(
      bare,
      commit,
      'b.dsse.json',
      Buffer.from('{"payload":"forged"}'),
      new Date(1_700_000_000_000),
    );
    await git(bare, ['bundle', 'create', '-q', join(folder, PARTS.mainline), '--all']);
  };

  expect(await found(async () => {})).toBe('it holds');
  expect(await found(change("update activity set agent = 'ghost' where seq = 3"))).toMatch(
    /entry 3 was changed/,
  );
  expect(await found(change('delete from activity where seq = 6'))).toMatch(
    /head.json: the record was truncated/,
  );
  expect(await found(flip(PARTS.head, 20))).toMatch(/^head.json: /);
  expect(await found(flip(PARTS.mainline, -40))).toMatch(/^mainline.bundle: /);
  expect(await found(forge)).toMatch(new RegExp(`^attestation b.dsse.json of commit ${commit}: `));
  expect(await found(change("update submissions set merged_commit = 'x'"))).toBe('it holds');
  expect(await found(change(MERGED))).toMatch(/merged commit 1{40} is not in the mainline/);
  expect(await found(flip(PARTS.store, -3), { signed: false })).toMatch(/store.sqlite/);
  expect(await found(flip('factory.yaml', 5), { signed: false })).toMatch(
    /^factory.yaml: it is not the file/,
  );
  expect(
    await found((folder) => writeFile(join(folder, 'pipelines', 'more'), ''), { signed: false }),
  ).toMatch(/pipelines\/more/);
  expect(await found(flip(PARTS.manifest, 30), { signed: false })).toMatch(/backup.json/);
  const folder = join(desk.folder, 'spoilt-1');
  expect(await desk.run(['--home', elsewhere(desk), 'restore', folder])).toMatchObject({
    exit: 4,
    json: { error: { code: 'BACKUP_DAMAGED', message: expect.stringContaining('entry 3 was changed') } },
  });
  await expect(stat(join(elsewhere(desk), 'shop'))).rejects.toThrow();
});

const MERGED = `insert into submissions (task, fence, commit_id, tree_id, base_commit, diff_digest, agent, root, session,
  created_at, merged_commit) values (1, 1, '', '', '', '', '', '', '', 1, '${'1'.repeat(40)}')`;

test('what stands in the way is one sentence, and nothing half-way is left', async () => {
  const desk = await openShop();
  const alone = join(desk.folder, 'alone.sqlite');
  const small = join(desk.folder, 'small');
  const locked = join(desk.folder, 'locked');
  await Promise.all([mkdir(small), mkdir(locked)]);
  await withStore(desk, ({ store }) =>
    fillTasks(
      store,
      Array.from({ length: 5000 }, () => ({})),
    ),
  );
  const mounted = async (mount: string, at: string) => {
    const root = process.getuid?.() === 0 ? [] : ['--map-root-user'];
    const script = `${mount} && "$@"; code=$?; ls -A "$0" >&2; exit $code`;
    const before = ['unshare', ...root, '--mount', 'sh', '-c', script, at];
    const [program = '', ...args] = [
      ...before,
      process.execPath,
      LAUNCHER,
      'backup',
      join(at, 'kept'),
      '--json',
    ];
    return execa(program, args, {
      cwd: desk.repository,
      env: { HOME: desk.folder, MILLWRIGHT_HOME: desk.home },
      reject: false,
    });
  };

  const first = await desk.run(['backup', alone]);
  const second = await desk.run(['backup', alone]);
  const noFolder = await desk.run(['backup', join(desk.folder, 'no', 'folder')]);
  const inside = await desk.run(['backup', 'kept']);
  const full = await mounted('mount -t tmpfs -o size=256k none "$0"', small);
  const readOnly = await mounted('mount --bind "$0" "$0" && mount -o remount,ro,bind "$0"', locked);
  const notWhole = await desk.run(['--home', elsewhere(desk), 'restore', alone]);
  const nothing = await desk.run(['--home', elsewhere(desk), 'restore', dirname(alone)]);

  expect([first.exit, first.json.verified, second.json.error?.code]).toEqual([0, true, 'EXISTS']);
  expect(inside).toMatchObject({ exit: 2, json: { error: { code: 'BACKUP_INSIDE' } } });
  expect(noFolder).toMatchObject({ exit: 3, json: { error: { code: 'NOT_WRITABLE' } } });
  expect([full.exitCode, JSON.parse(full.stdout).error?.message]).toEqual([3, 'The disk is full.']);
  expect([readOnly.exitCode, JSON.parse(readOnly.stdout).error?.message]).toEqual([
    3,
    `${locked}/kept cannot be written.`,
  ]);
  expect([full.stderr, readOnly.stderr].join()).not.toContain('unfinished');
  expect([notWhole.json.error?.code, nothing.json.error?.code]).toEqual(['STORE_ALONE', 'NO_BACKUP']);
});
