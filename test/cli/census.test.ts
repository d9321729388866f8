import { mkdir, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { listFolder, roomPrefix, temporaryPrefix } from '../../servers/core/census.ts';
import { buildOnce } from './command.ts';
import { type Mill, openMill, startHost } from './hosts.ts';

beforeAll(buildOnce);

interface Counted {
  processes: { kind: string; pid: number; agent?: string; session?: string; way?: string; url?: string }[];
  leftovers: { kind: string; pid?: number; path?: string; remedy: string }[];
}
const census = async (mill: Mill, ...args: string[]) =>
  (await mill.run(['doctor', ...args])).census as unknown as Counted;

test('doctor shows who runs for the factory and by which way, and --clean ends only what is left over', async () => {
  const mill = await openMill();
  const early = startHost(await mill.enrol('qa'));
  await early.ask('tools/list');
  const daemon = await mill.daemon();
  const late = startHost(await mill.enrol('developer'));
  await late.ask('tools/list');
  const killed = startHost(await mill.enrol('ceo'));
  await killed.ask('tools/list');
  await killed.end('SIGKILL');
  const sessions = await mill.withStore(async ({ store }) => {
    await store.db.updateTable('sessions').set({ revoked_at: 1 }).where('agent', '=', 'qa').execute();
    return store.db.selectFrom('sessions').select(['id', 'agent']).execute();
  });
  const idOf = (agent: string) => sessions.find((one) => one.agent === agent)?.id;
  const work = join(mill.shop, 'work');
  const gone = `${roomPrefix('run').replace(`-${process.pid}-`, `-${killed.pid}-`)}abcdef`;
  const kept = [`${roomPrefix('probe')}abcdef`, 'run-abcdef', 'notes'];
  for (const name of [gone, ...kept]) await mkdir(join(work, name, 'job'), { recursive: true });

  const before = await census(mill);
  const after = await census(mill, '--clean');

  expect(before.processes.sort((a, b) => (a.agent ?? '').localeCompare(b.agent ?? ''))).toEqual([
    expect.objectContaining({ kind: 'daemon', pid: daemon.pid, url: daemon.url }),
    expect.objectContaining({ kind: 'stdio', pid: late.pid, session: idOf('developer'), way: 'daemon' }),
    expect.objectContaining({ kind: 'stdio', pid: early.pid, session: idOf('qa'), way: 'store' }),
  ]);
  expect(before.leftovers.map(({ kind, pid }) => [kind, pid]).sort()).toEqual([
    ['entry', undefined],
    ['folder', undefined],
    ['process', early.pid],
  ]);
  expect(before.leftovers.every(({ remedy }) => remedy.includes('doctor --clean'))).toBe(true);
  expect(after.leftovers).toEqual([]);
  expect(after.processes.map(({ pid }) => pid).sort()).toEqual([daemon.pid, late.pid].sort());
  expect((await readdir(work)).sort()).toEqual(kept.sort());
  expect(await readdir(listFolder(mill.shop))).toHaveLength(2);
  expect(await late.call('task_list')).toContain('"tasks"');
});

test('doctor --clean removes what was left half done an hour ago, and nothing that may still be at work', async () => {
  const mill = await openMill();
  const killed = startHost(await mill.enrol('ceo'));
  await killed.ask('tools/list');
  await killed.end('SIGKILL');
  const left = [
    'scratch/git-abcdef/intake.git/HEAD',
    'clones/.T-1-1-abcdef/README.md',
    'layers/.making-abcdef/package.json',
    'targets/local/claims/2.77.abcdef.draft',
    'memory/ceo/MEMORY.md.abcdef.before',
    'mainline.git/refs/heads/main.lock',
  ];
  const kept = [
    'clones/T-1-1/notes.draft',
    'work/notes.draft',
    'layers/abcdef/x.draft',
    'memory/ceo/MEMORY.md',
  ];
  const young = ['scratch/git-young/HEAD', 'mainline.git/refs/heads/young.lock'];
  const anHourAgo = new Date(Date.now() - 3_700_000);
  for (const path of [...left, ...kept, ...young]) {
    await mkdir(join(mill.shop, path, '..'), { recursive: true });
    await writeFile(join(mill.shop, path), '');
    if (young.includes(path)) continue;
    const top = /^(scratch|clones|layers)\/[^/]+/.exec(path)?.[0] ?? path;
    await utimes(join(mill.shop, top), anHourAgo, anHourAgo);
  }
  const gone = `${temporaryPrefix('run').replace(`-${process.pid}-`, `-${killed.pid}-`)}abcdef`;
  const running = `${temporaryPrefix('run')}abcdef`;
  for (const name of [gone, running]) {
    await mkdir(join(tmpdir(), name));
    onTestFinished(() => rm(join(tmpdir(), name), { recursive: true, force: true }));
  }

  const before = await census(mill);
  const after = await census(mill, '--clean');

  const drafts = before.leftovers.flatMap(({ kind, path }) => (kind === 'draft' ? [path] : []));
  expect(drafts).toHaveLength(left.length);
  expect(before.leftovers).toContainEqual(
    expect.objectContaining({ kind: 'folder', path: join(tmpdir(), gone) }),
  );
  expect(after.leftovers.filter(({ kind }) => kind === 'draft')).toEqual([]);
  const there = await readdir(mill.shop, { recursive: true });
  expect(there).toEqual(expect.arrayContaining([...kept, ...young]));
  expect(there.filter((path) => left.includes(path))).toEqual([]);
  expect(await readdir(tmpdir())).toEqual(expect.arrayContaining([running]));
  expect(await readdir(tmpdir())).not.toContain(gone);
});

test('enrol --url writes an enrolment without the home, and takes only the address of a daemon', async () => {
  const mill = await openMill();
  const made = await mill.run(['enrol', 'developer', '--url', 'https://mill.example.com:8930/']);
  expect(made).toMatchObject({ ok: true, enrolment: join(mill.shop, 'enrolments', 'developer.remote.json') });
  const file = await readFile(String(made.enrolment), 'utf8');
  expect(JSON.parse(file)).toEqual({
    factory: expect.any(String),
    url: 'https://mill.example.com:8930',
    agent: 'developer',
    token: expect.stringMatching(/^mw_/),
  });
  const wrong = ['--url', 'https://mill.example.com', '--ca', '/etc/hosts'];
  expect(await mill.run(['enrol', 'developer', ...wrong])).toMatchObject({ ok: false });
});
