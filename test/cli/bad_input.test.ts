import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { beforeAll, expect, test } from 'vitest';
import { buildOnce, type Desk, LAUNCHER, openDesk, type Ran, ROOT } from './command.ts';

beforeAll(buildOnce);

/** One sentence and the way out on stderr, nothing on stdout, no stack, and an exit code that is not 0. */
function expectSentence(ran: Ran, exit: number, says: RegExp): void {
  const [what = '', remedy = '', ...more] = ran.stderr.split('\n');
  expect([ran.exit, ran.stdout, more]).toEqual([exit, '', []]);
  expect(what).toMatch(says);
  expect(remedy).toMatch(/^[A-Z`].{10,}\.$/);
}

async function shop(): Promise<Desk> {
  const desk = await openDesk();
  expect((await desk.run(['init'])).exit).toBe(0);
  return desk;
}

/** Runs `millwright ARGS` inside `wrapper`, a program that changes what the system allows. */
async function under(wrapper: readonly string[], desk: Desk, args: readonly string[]): Promise<Ran> {
  const [program = '', ...before] = wrapper;
  const ran = await execa(program, [...before, process.execPath, LAUNCHER, ...args], {
    cwd: desk.repository,
    env: { HOME: desk.folder, MILLWRIGHT_HOME: desk.home },
    reject: false,
    timeout: 20_000,
  });
  return { exit: ran.exitCode ?? -1, stdout: ran.stdout, stderr: ran.stderr, json: {} };
}

test('a broken factory file: file, line and what to write instead, wherever it is named', async () => {
  const desk = await openDesk();
  const preset = await readFile(join(ROOT, 'factories', 'solo.yaml'), 'utf8');
  const file = join(desk.folder, 'mine.yaml');
  await writeFile(file, preset.replace(/^lead:.*$/m, 'lead: boss'));
  const line = preset.split('\n').findIndex((text) => text.startsWith('lead:')) + 1;
  const says = new RegExp(`mine\\.yaml:${line}: lead "boss" is no role; use one of ceo, `);

  expectSentence(await desk.say(['factory', 'check', file]), 1, says);
  expectSentence(await desk.say(['init', '--factory', file]), 1, says);
  expectSentence(await desk.say(['rehearse', '--factory', file]), 1, says);
  expectSentence(await desk.say(['init', '--factory', join(desk.folder, 'none.yaml')]), 2, /no factory file/);
  await writeFile(file, 'factory: [\n');
  expectSentence(await desk.say(['factory', 'check', file]), 1, /mine\.yaml:\d: /);
  expect(await readdir(desk.home).catch(() => [])).toEqual([]);
});

test('no git, no repository, no such factory, command or option', async () => {
  const desk = await shop();
  const bare = { path: join(desk.folder, 'nothing') };
  const noGit = await desk.run(['init'], bare);
  const noStage = await desk.run(['rehearse'], bare);
  const outside = await desk.run(['adopt', 'HEAD', '--factory', 'shop'], { cwd: desk.folder });
  const command = await desk.say(['statsu']);
  const option = await desk.say(['status', '--quick']);

  expect([noGit.exit, noGit.json.error?.code]).toEqual([3, 'NO_GIT']);
  expect([noStage.exit, noStage.json.error?.code]).toEqual([3, 'NO_GIT']);
  expect([outside.exit, outside.json.error?.code]).toEqual([3, 'NO_HUMAN']);
  expectSentence(await desk.say(['init'], { cwd: desk.folder }), 3, /not in a git repository/);
  expectSentence(await desk.say(['status', '--factory', 'mill']), 3, /There is no factory "mill" in /);
  expect([command.exit, command.stderr]).toEqual([2, expect.stringContaining("unknown command 'statsu'")]);
  expect([option.exit, option.stderr]).toEqual([2, expect.stringContaining("unknown option '--quick'")]);
  expect(command.stderr + option.stderr).not.toMatch(/^\s+at /m);
});

test('a folder that cannot be one is refused, not waited for', async () => {
  const desk = await openDesk();
  const file = join(desk.folder, 'file');
  await writeFile(file, '');

  for (const home of [file, join(file, 'deeper'), '/proc/nope']) {
    expectSentence(await desk.say(['init', '--home', home]), 3, /is no folder and cannot be made one/);
  }
  expectSentence(await desk.say(['rehearse', '--keep', '/proc/nope']), 3, /cannot be made one/);
  expect((await desk.run(['init'])).exit).toBe(0);
});

test('a read-only folder: nothing is lost, and it works again when it can be written', async () => {
  const desk = await shop();
  const home = join(desk.home, 'shop');
  const readOnly = [
    'unshare',
    ...(process.getuid?.() === 0 ? [] : ['--map-root-user']),
    '--mount',
    'sh',
    '-c',
    'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"',
    home,
  ];

  expectSentence(await under(readOnly, desk, ['stop', 'now']), 3, /cannot be written/);
  expect((await desk.run(['record', 'verify'])).json).toMatchObject({ ok: true, entries: 6 });
});

test('a full disk: nothing that was acknowledged is lost', async () => {
  const desk = await shop();
  const small = join(desk.folder, 'small');
  await mkdir(small);
  const full = [
    'unshare',
    ...(process.getuid?.() === 0 ? [] : ['--map-root-user']),
    '--mount',
    'sh',
    '-c',
    [
      'mount -t tmpfs -o size=4m none "$0"',
      'cp -a "$MILLWRIGHT_HOME/." "$0"',
      'export MILLWRIGHT_HOME="$0"',
      '"$@" stop before >&2',
      'head -c 9m /dev/zero > "$0/filler" 2>/dev/null',
      'i=0; while "$@" stop again --json >>"$TMPDIR/out" 2>&1; do i=$((i+1)); [ $i -lt 20 ] || exit 99; done',
      'rm "$0/filler"',
      '"$@" record tail --all --json',
    ].join('\n'),
    small,
  ];
  const [program = '', ...before] = full;
  const ran = await execa(program, [...before, process.execPath, LAUNCHER], {
    cwd: desk.repository,
    env: { HOME: desk.folder, MILLWRIGHT_HOME: desk.home, TMPDIR: desk.folder },
    reject: false,
    timeout: 25_000,
  });

  const answers = (await readFile(join(desk.folder, 'out'), 'utf8')).trim().split('\n');
  const refused = JSON.parse(answers.at(-1) ?? '{}');
  expect(refused).toMatchObject({
    ok: false,
    error: { code: 'DISK_FULL', remedy: expect.stringContaining('Free some space') },
  });
  const { entries } = JSON.parse(ran.stdout) as { entries: { event: string }[] };
  const stops = entries.filter(({ event }) => event === 'factory.stopped');
  expect(stops).toHaveLength(answers.length);
  expect(dirname(small)).toBe(desk.folder);
});
