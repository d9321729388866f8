import { cp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { beforeAll, expect, test } from 'vitest';
import { newLocation, onPostgres } from '../store/stores.ts';
import { buildOnce, type Desk, LAUNCHER, openDesk } from './command.ts';

beforeAll(buildOnce);

/** Runs one command on this database; a server that starts to serve is ended at once. */
async function run(desk: Desk, databaseUrl: string, args: readonly string[], home = desk.home) {
  const ran = execa(process.execPath, [LAUNCHER, ...args, '--json'], {
    cwd: desk.repository,
    env: {
      PATH: process.env.PATH ?? '',
      HOME: desk.folder,
      MILLWRIGHT_HOME: home,
      DATABASE_URL: databaseUrl,
    },
    extendEnv: false,
    reject: false,
    timeout: 20_000,
  });
  ran.stdout.on('data', (line) => String(line).includes('"url"') && ran.kill('SIGTERM'));
  const { exitCode, stdout } = await ran;
  return { exit: exitCode, json: JSON.parse(stdout.split('\n')[0] ?? '') };
}

test('up refuses to send tokens in the clear, and half a certificate', async () => {
  const desk = await openDesk();
  await desk.run(['init']);
  const up = (...args: string[]) => desk.run(['up', '--port', '0', ...args]);

  const [clear, half, none] = await Promise.all([
    up('--host', '0.0.0.0'),
    up('--tls-cert', 'cert.pem'),
    up('--tls-cert', 'cert.pem', '--tls-key', 'key.pem'),
  ]);

  expect([clear.exit, clear.json.error]).toEqual([
    2,
    expect.objectContaining({ code: 'NO_TLS', remedy: expect.stringContaining('--behind-proxy') }),
  ]);
  expect([half.exit, half.json.error?.code]).toEqual([2, 'TLS']);
  expect([none.exit, none.json.error?.code]).toEqual([2, 'BAD_CERTIFICATE']);
});

test('a database belongs to one factory, and a factory has one folder', async () => {
  const [desk, other] = [await openDesk(), await openDesk()];
  const database = await newLocation('postgres');
  const up = ['up', '--port', '0'];
  const made = await run(desk, database, ['init']);
  expect(made.exit).toBe(0);
  expect((await run(desk, database, up)).exit).toBe(0);

  // Another factory on the same database, and one that was made elsewhere.
  const second = await run(other, database, ['init']);
  await run(other, await newLocation('postgres'), ['init']);
  const strange = await run(other, database, ['status']);
  for (const { exit, json } of [second, strange])
    expect([exit, json.error]).toMatchObject([
      3,
      { code: 'FOREIGN_STORE', message: expect.stringContaining(made.json.key.id) },
    ]);

  // A folder without the key, and a copy that lacks what another machine took in.
  const copies = join(desk.folder, 'copies');
  await cp(desk.home, copies, { recursive: true });
  const mainline = join(desk.home, 'shop', 'mainline.git');
  await onPostgres(database, async (client) => {
    const head = (await readFile(join(mainline, 'refs', 'heads', 'main'), 'utf8')).trim();
    const tree = (await execa('git', ['--git-dir', mainline, 'rev-parse', `${head}^{tree}`])).stdout;
    const commit = await execa(
      'git',
      ['--git-dir', mainline, 'commit-tree', tree, '-p', head, '-m', 'Next'],
      {
        env: Object.fromEntries(
          ['AUTHOR', 'COMMITTER'].flatMap((who) => [
            [`GIT_${who}_NAME`, 'server'],
            [`GIT_${who}_EMAIL`, 'server@localhost'],
          ]),
        ),
      },
    );
    await client.query(
      `insert into tasks (title, description, criteria, stops, role, priority, state, deps_left, lapses, ready_at,
         round, created_by, created_at) values ('t', '', '[]', '[]', 'developer', 50, 'done', 0, 0, 0, 1, 'ceo', 1)`,
    );
    await client.query(
      `insert into submissions (task, fence, commit_id, tree_id, base_commit, diff_digest, agent, root, session,
         created_at) values (1, 1, $1, $2, $3, '', 'developer', '', '', 1)`,
      [commit.stdout, tree, head],
    );
  });
  const copied = await run(desk, database, up, copies);
  expect([copied.exit, copied.json.error?.code]).toEqual([3, 'FOREIGN_HOME']);
  expect((await run(desk, database, up)).exit).toBe(0);
  await rm(join(copies, 'shop', 'keys'), { recursive: true });
  const keyless = await run(desk, database, ['status'], copies);
  expect([keyless.exit, keyless.json.error?.code]).toEqual([3, 'FOREIGN_STORE']);
});
