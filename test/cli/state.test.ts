import { appendFile, chmod, readFile, truncate, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { execa } from 'execa';
import { beforeAll, expect, test } from 'vitest';
import { appendAttestation } from '../../servers/core/git/attest.ts';
import { openAuthority } from '../../servers/core/git/authority.ts';
import { signStatement } from '../../servers/core/signing/statement.ts';
import { buildOnce, type Desk, LAUNCHER, openDesk, withStore } from './command.ts';

beforeAll(buildOnce);

async function openShop(): Promise<Desk> {
  const desk = await openDesk();
  const made = await desk.run(['init']);
  if (made.exit !== 0) throw new Error(made.stdout);
  return desk;
}

const storeOf = (desk: Desk) => join(desk.home, 'shop', 'store.sqlite');

/** Somebody who can write the file can take the triggers away that keep the record as it is. */
function change(file: string, statement: string): void {
  const database = new Database(file);
  const triggers = database.prepare("select name from sqlite_master where type = 'trigger'").pluck().all();
  for (const name of triggers) database.exec(`drop trigger ${name}`);
  database.exec(statement);
  database.close();
}

test('the record verifies; a changed, a truncated and a replaced one do not, each by its own reason', async () => {
  const desk = await openShop();
  const head = join(desk.folder, 'head.json');
  const copy = join(desk.folder, 'copy.sqlite');
  await desk.run(['record', 'head', '--export', head]);
  await desk.run(['backup', copy]);
  const whole = await desk.run(['record', 'verify', '--head', head]);

  change(copy, "update activity set agent = 'ghost' where seq = 3");
  const changed = await desk.run(['record', 'verify', '--database', copy]);
  change(storeOf(desk), 'delete from activity where seq > 4');
  const cutOff = await desk.run(['record', 'verify']);
  const against = await desk.run(['record', 'verify', '--head', head]);
  await desk.run(['stop', 'one']);
  await desk.run(['resume']);
  await desk.run(['stop', 'two']);
  const replaced = await desk.run(['record', 'verify', '--head', head]);

  expect(whole).toMatchObject({ exit: 0, json: { ok: true, verified: true, entries: 6 } });
  expect(changed).toMatchObject({ exit: 4, json: { ok: false, seq: 3, error: { code: 'RECORD_DAMAGED' } } });
  expect(cutOff.exit).toBe(0);
  expect(against).toMatchObject({ exit: 4, json: { why: expect.stringContaining('truncated') } });
  expect(replaced).toMatchObject({ exit: 4, json: { why: expect.stringContaining('replaced') } });
});

test('a head that somebody else signed or changed is refused', async () => {
  const desk = await openShop();
  const head = join(desk.folder, 'head.json');
  await desk.run(['record', 'head', '--export', head]);
  await writeFile(head, (await readFile(head, 'utf8')).replace('"seq":6', '"seq":5'));

  expect((await desk.run(['record', 'verify', '--head', head])).json.error?.code).toBe('SIGNATURE_REFUSED');
});

test('what is broken is one sentence with the way out, and never a stack', async () => {
  const desk = await openShop();
  const factory = join(desk.home, 'shop', 'factory.yaml');
  await appendFile(factory, 'nonsense: true\n');
  const line = (await readFile(factory, 'utf8')).trimEnd().split('\n').length;

  const broken = await desk.say(['factory', 'apply']);
  const usage = await desk.run(['approve']);
  change(storeOf(desk), 'insert into schema_version (version) values (99)');
  const tooNew = await desk.run(['status']);
  change(storeOf(desk), 'delete from schema_version where version = 99');
  const kept = await desk.run(['record', 'verify']);
  await truncate(storeOf(desk), 0);
  await writeFile(
    storeOf(desk),
    'this is no database, it is a long enough text to be taken for one'.repeat(40),
  );
  const damaged = await desk.run(['status']);
  const examined = await desk.run(['doctor']);

  expect([broken.exit, broken.stderr]).toEqual([1, expect.stringContaining(`factory.yaml:${line}: `)]);
  expect(broken.stderr).not.toMatch(/^\s+at /m);
  expect([usage.exit, usage.json.error?.code]).toEqual([2, 'USAGE']);
  expect([tooNew.exit, tooNew.json.error?.code]).toEqual([3, 'STORE_TOO_NEW']);
  expect(kept.exit).toBe(0);
  expect([damaged.exit, damaged.json.error?.code]).toEqual([4, 'STORE_DAMAGED']);
  expect(examined).toMatchObject({ exit: 4, json: { ok: false } });
});

test('doctor finds a secret that others can read, and says how to close it', async () => {
  const desk = await openShop();
  await chmod(join(desk.home, 'shop', 'enrolments', 'qa.json'), 0o644);

  const { exit, json } = await desk.run(['doctor']);

  const findings = json.findings as unknown as { check: string; state: string; remedy?: string }[];
  expect(exit).toBe(1);
  expect(findings.filter(({ state }) => state === 'fault')).toEqual([
    expect.objectContaining({ check: 'secrets', remedy: expect.stringContaining('chmod 600') }),
  ]);
  expect(findings.find(({ check }) => check === 'sandbox')?.state).toBe('ok');
});

test('a run is listed, shown and stopped by id', async () => {
  const desk = await openShop();
  await withStore(desk, ({ store }) =>
    store.db
      .insertInto('spawns')
      .values({
        role: 'developer',
        agent: 'developer',
        task: null,
        message: 'build it',
        state: 'queued',
        root: 'r',
        requested_by: 'ceo',
        requested_at: 1,
        taken_at: null,
      })
      .execute(),
  );

  const listed = await desk.run(['runs']);
  expect(listed.json).toMatchObject({
    ok: true,
    runner: false,
    runs: [{ run: 1, agent: 'developer', state: 'queued', micros: null }],
  });
  expect((await desk.say(['runs'])).stdout).toMatch(/1 +developer .*unknown.*\n.*No runner is up/s);
  expect((await desk.run(['runs', 'stop', '1'])).json).toMatchObject({ ok: true, run: 1, stopped: true });
  expect((await desk.run(['runs', 'stop', '1'])).json).toMatchObject({ ok: true, run: 1, stopped: false });
  expect((await desk.run(['runs', 'show', '1'])).json).toMatchObject({
    state: 'stopped',
    outcome: 'stopped',
    said: 'A person stopped it.',
  });
  expect((await desk.run(['runs', 'show', '2'])).json.error).toMatchObject({ code: 'ID' });

  const asked = await desk.run(['run', 'Sums of three numbers.']);
  expect(asked.json.error).toMatchObject({ code: 'NOT_CONFIRMED' });
  expect(asked.stderr).toMatch(/^Expected: 8 to 24 runs, 0 to 480,000,000 tokens, money unknown/);
  expect((await desk.run(['run', '--resume', '--yes'])).json.error).toMatchObject({
    code: 'NOTHING_TO_RESUME',
  });
});

test('gates verify holds signed statements against a pinned key, offline, from the own repository', async () => {
  const desk = await openShop();
  const commit = await desk.git(['rev-parse', 'HEAD']);
  const tree = await desk.git(['rev-parse', 'HEAD^{tree}']);
  const none = await desk.run(['gates', 'verify', commit]);
  await withStore(desk, async (services) => {
    const predicate = { gate: 'smoke', closed: true };
    const statement = signStatement(
      { subject: { commit, tree }, predicateType: 'https://millwright.dev/gate/v1', predicate },
      (await services.key()).privateKey,
    );
    const bare = await openAuthority(services.paths.git);
    await appendAttestation(bare, commit, 'a.dsse.json', Buffer.from(statement), new Date());
  });
  await desk.git(['fetch', '-q', 'factory']);
  const key = join(desk.home, 'shop', 'factory_key.pub');
  const other = join(desk.folder, 'other');
  await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', other]);
  const elsewhere = ['--home', join(desk.folder, 'nowhere'), '--repo', desk.repository];

  const pinned = await desk.run(['gates', 'verify', commit, '--key', key, ...elsewhere]);
  const wrong = await desk.run(['gates', 'verify', commit, '--key', `${other}.pub`, ...elsewhere]);
  const atHome = await desk.run(['gates', 'verify', commit]);

  expect([none.exit, pinned.exit, wrong.exit, atHome.exit]).toEqual([1, 0, 1, 0]);
  expect(pinned.json).toMatchObject({
    verified: true,
    statements: [{ ok: true, predicate: { gate: 'smoke' } }],
  });
  expect(wrong.json).toMatchObject({ ok: false, error: { code: 'NOT_ATTESTED' } });
});

test('up serves sessions on loopback, names a port that is taken, and ends well on SIGTERM', async () => {
  const desk = await openShop();
  const squatter = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => squatter.once('listening', resolve));
  const { port } = squatter.address() as { port: number };
  const taken = await desk.run(['up', '--port', String(port)]);
  squatter.close();

  const up = execa(process.execPath, [LAUNCHER, 'up', '--port', '0', '--json'], {
    cwd: desk.repository,
    env: { MILLWRIGHT_HOME: desk.home },
    reject: false,
  });
  const { url } = await new Promise<{ url: string }>((resolve) => {
    up.stdout.once('data', (chunk) => resolve(JSON.parse(String(chunk))));
  });
  const { token } = JSON.parse(await readFile(join(desk.home, 'shop', 'enrolments', 'qa.json'), 'utf8'));
  const headers = { Authorization: `Bearer ${token}` };
  const session = await fetch(new URL('/session', url), { method: 'POST', headers });
  const { id } = (await session.json()) as { id: string };
  const listed = await desk.run(['session', 'list']);
  const revoked = await desk.run(['session', 'revoke', id, '--enrolment']);
  const refused = await fetch(new URL('/session', url), { method: 'POST', headers });
  up.kill('SIGTERM');

  expect([taken.exit, taken.json.error?.message]).toEqual([
    1,
    expect.stringContaining(`Port ${port} on 127.0.0.1 is taken`),
  ]);
  expect(new URL(url).hostname).toBe('127.0.0.1');
  expect(listed.json).toMatchObject({ sessions: [{ id, agent: 'qa' }] });
  expect(revoked.exit).toBe(0);
  expect(refused.status).toBe(403);
  expect((await up).exitCode).toBe(0);
});
