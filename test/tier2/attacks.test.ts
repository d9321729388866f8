import { chmod, chown, copyFile, lstat, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openRunner } from '../../cli/runner.ts';
import { separationFor } from '../../cli/separation.ts';
import { userPool } from '../../hosts/run/users.ts';
import { findDaemons } from '../../servers/core/daemon.ts';
import { runsOfUser } from '../../servers/core/os_user.ts';
import { verifyRecord } from '../../servers/core/record.ts';
import { readSeparation } from '../../servers/core/separation_file.ts';
import { buildOnce, LAUNCHER } from '../cli/command.ts';
import { ATTEMPTS } from './attempts.ts';
import { callTool, DECOY, eventually, type Live, openTwoUsers, shell, type TwoUsers } from './mill.ts';

let mill: TwoUsers;
/** The attacker, and somebody else who works at the same time. */
let own: Live;
let other: Live;
let env: Record<string, string>;

beforeAll(async () => {
  await buildOnce();
  mill = await openTwoUsers();
  const first = await mill.queue('developer', 'developer');
  const second = await mill.queue('developer', 'developer');
  await mill.queue('developer', 'developer');
  own = await mill.live(first);
  other = await mill.live(second);
  const setUid = join(mill.folder, 'set-uid');
  await copyFile('/usr/bin/id', setUid);
  await chmod(setUid, 0o4755);
  env = {
    F: mill.home,
    AGENTS: mill.agents,
    DAEMON: String(mill.up.pid),
    WATCHDOG: await watchdogOf(mill.up.pid ?? 0),
    OWN: own.folder,
    OTHER: other.folder,
    OTHER_PID: String(other.pid),
    OTHER_CLONE: other.clone,
    CHECKOUT: mill.checkout,
    PROGRAM: LAUNCHER,
    SETUID: setUid,
  };
});
afterAll(() => mill?.close());

/** The process that ends the hosts when the server dies. */
async function watchdogOf(pid: number): Promise<string> {
  const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ');
  const lines = await Promise.all(children.map((child) => commandOf(Number(child))));
  const at = lines.findIndex((line) => line.includes('run-watchdog'));
  return children[at] ?? '';
}

const commandOf = (pid: number) => readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '');

const as = (who: Live, script: string) => shell(who.user, script, who.clone, { ...env, HOME: who.folder });

test('each of two runs has a user, a token and a clone of its own, and a third one waits for a user', async () => {
  expect(own.user.uid).not.toBe(other.user.uid);
  expect(own.token).not.toBe(other.token);
  for (const one of [own, other]) {
    expect((await as(one, 'cat README.md && touch mine && cat "$HOME/mcp.json"')).stdout).toContain(
      one.token,
    );
    expect((await lstat(one.clone)).mode & 0o777).toBe(0o700);
  }
  const states = await mill.db.selectFrom('spawns').select('state').orderBy('id').execute();
  expect(states.map(({ state }) => state)).toEqual(['running', 'running', 'queued']);
  // A second runner would give the users away twice: it starts nothing.
  const said: string[] = [];
  const second = await openRunner(mill.services, new Map(), mill.url, {
    progress: (line) => said.push(line),
  });
  expect(said).toEqual([expect.stringContaining('the server that has the users')]);
  await second.stop('The test is over.');
});

test('a host is started with a scrubbed environment, no open file and no secret in its arguments', async () => {
  const [given, open, args] = await Promise.all(
    ['env', 'fd', 'args'].map((name) => readFile(join(own.folder, 'tmp', name), 'utf8')),
  );
  expect(given).not.toContain(DECOY);
  expect(given).not.toContain(mill.home);
  expect(args).toContain('--strict-mcp-config');
  expect(`${given}${args}`).not.toMatch(/mw_/);
  const files = [...(open ?? '').matchAll(/-> (\S+)/g)].map(([, to]) => to);
  expect(files.every((to) => /^(\/dev\/null|pipe:|socket:|\/proc\/\d+\/fd|.*\/tmp\/fd)/.test(to ?? ''))).toBe(
    true,
  );
});

test.each(ATTEMPTS)('against $against: an agent cannot $what', async ({ script }) => {
  const { exitCode, all } = await as(own, script);
  expect([exitCode === 0, all]).toEqual([false, all]);
});

test('no command line on this machine shows a token', async () => {
  const look = 'cat /proc/[0-9]*/cmdline 2>/dev/null | tr "\\0" " " | grep -o "mw_[A-Za-z0-9_-]*" | sort -u';
  const { stdout } = await as(own, look);
  for (const { token } of [own, other]) expect(stdout).not.toContain(token);
});

test("a session's token is good for its own role, and for nothing else", async () => {
  const denied = await callTool(mill.url, own.token, 'change_merge', { commit: 'a'.repeat(40) });
  expect(denied).toMatch(/FORBIDDEN/);
  expect(await callTool(mill.url, own.token, 'checkpoint_approve', { id: 'C-1' })).toMatch(/NOT_FOUND/);
  const listed = await fetch(`${mill.url}/session`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${own.token}` },
  });
  expect(listed.status).toBe(403);
  const refusals = await mill.db
    .selectFrom('activity')
    .select(['tool', 'agent'])
    .where('event', 'like', '%refused%')
    .execute();
  expect(refusals).toEqual(expect.arrayContaining([{ tool: 'change_merge', agent: 'developer' }]));
});

test('an agent cannot approve: no tool does, and the command finds no factory', async () => {
  const command = `"${process.execPath}" "${LAUNCHER}" --home "$F/.." --factory mill approve C-1 --json`;
  const { exitCode, stdout } = await as(own, command);
  expect(exitCode).not.toBe(0);
  expect(stdout).toContain('NO_FACTORY');
});

test('what an agent plants in its own clone is not run, and not followed', async () => {
  const submit = async (before: string, after: string) => {
    const made = await as(
      own,
      `${before}; git add -A && git commit -q --allow-empty -m More && git rev-parse HEAD`,
    );
    const commit = made.stdout.split('\n').at(-1) ?? '';
    expect(commit).toMatch(/^[0-9a-f]{40}$/);
    expect((await as(own, `rm -f planted; ${after}`)).exitCode).toBe(0);
    return callTool(mill.url, own.token, 'change_submit', { commit, summary: 'More of it' });
  };
  const mark = join(own.folder, 'tmp', 'mark');
  const hook = `printf '#!/bin/sh\\nid -u > ${mark}\\n' > .git/hook && chmod +x .git/hook`;
  const hooks = `mkdir -p .git/hooks && ${hook} && for h in post-checkout pre-commit update post-update reference-transaction; do cp .git/hook .git/hooks/$h; done`;
  const config =
    'git config core.fsmonitor "$PWD/.git/hook" && git config uploadpack.packObjectsHook "$PWD/.git/hook"';
  const refused: Record<string, string> = {
    'objects of the authority': 'mv .git/objects .git/o && ln -s "$F/mainline.git/objects" .git/objects',
    "another's git folder": 'mv .git .g && ln -s "$OTHER_CLONE/.git" .git',
    'a borrowed store': 'echo "$F/mainline.git/objects" > .git/objects/info/alternates',
    'a link among objects': 'ln -s "$F/store.sqlite" .git/objects/pack/pack-x.pack',
  };
  const back = [
    'rm -f .git/objects/info/alternates .git/objects/pack/pack-x.pack',
    'if [ -d .g ]; then rm .git; mv .g .git; fi',
    'if [ -d .git/o ]; then rm .git/objects; mv .git/o .git/objects; fi; true',
  ].join('; ');
  for (const [what, plant] of Object.entries(refused)) {
    const answer = await submit('echo "// more" >> src/add.js', plant);
    expect([what, answer]).toEqual([what, expect.stringContaining('FORBIDDEN')]);
    expect((await as(own, back)).exitCode).toBe(0);
  }
  const taken = await submit(
    'echo "// last" >> src/add.js; echo "// and" >> test/add.test.js',
    `${hooks} && ${config}`,
  );
  expect(taken).toContain('own_evidence');
  expect(taken).toContain('test/add.test.js');
  expect(await readFile(mark, 'utf8').catch(() => 'not run')).toBe('not run');
});

test('an agent that fills what all share stops no call, and a check without room does not pass', async () => {
  expect((await as(own, `cat /dev/zero > "${mill.tmp}/full"`)).exitCode).not.toBe(0);
  expect(await callTool(mill.url, own.token, 'agent_heartbeat', { progress: 'On it' })).not.toContain(
    'isError":true',
  );
  const full = await callTool(mill.url, own.token, 'gate_run', { gates: ['smoke'] });
  expect(full).toContain('"state":"failed"');
  expect((await as(own, `rm "${mill.tmp}/full"`)).exitCode).toBe(0);
});

test('project code of an agent gets at nothing: install script, build command, tests', async () => {
  const files = `"$F"/keys/* "$F/store.sqlite" "$F/enrolments/ceo.json" /proc/$DAEMON/environ "$OTHER/mcp.json"`;
  const loot = [
    `for f in ${files}; do head -c 1 "$f" > /dev/null 2>&1 && echo "LOOTED $f"; done`,
    `{ true > "$AGENTS/clones/loot"; } 2> /dev/null && echo LOOTED clones`,
    `node -e 'fetch(process.argv[1]).then(() => console.log("LOOTED network"), () => {})' ${mill.url}/health`,
    'echo SEARCHED',
  ].join('\n');
  const vars = Object.entries(env).map(([name, value]) => `${name}='${value}'`);
  await writeFile(join(mill.folder, 'loot.sh'), `${vars.join('\n')}\n${loot}\n`, { mode: 0o644 });
  // What it looks for is there: the servers' own user finds all of it.
  const found = await shell(undefined, `. ${join(mill.folder, 'loot.sh')}`, '/', env);
  expect(found.stdout.match(/LOOTED/g)).toHaveLength(7);
  const scripts = { test: 'node --test', postinstall: 'sh ./loot.sh' };
  const manifest = JSON.stringify({ name: 'sums', type: 'module', private: true, scripts });
  const wrangler = JSON.stringify({ name: 'sums', main: 'src/index.js', build: { command: 'sh ./loot.sh' } });
  await writeFile(join(mill.folder, 'package.json'), manifest);
  await writeFile(join(mill.folder, 'wrangler.jsonc'), wrangler);
  const looting = [
    "import { execFileSync } from 'node:child_process';",
    "import test from 'node:test';",
    "const found = execFileSync('sh', ['./loot.sh']).toString().replaceAll('\\n', ' ');",
    'test(found, () => {});',
  ];
  await writeFile(join(mill.folder, 'loot.test.js'), `${looting.join('\n')}\n`);
  const names = ['loot.sh', 'package.json', 'wrangler.jsonc', 'loot.test.js'];
  const put = [
    ...names.map((name) => `cp "${join(mill.folder, name)}" .`),
    'mv loot.test.js test/add.test.js',
  ];
  const quiet = 'git -c core.hooksPath=/dev/null -c core.fsmonitor=false';
  const made = await as(
    own,
    `${put.join(' && ')} && ${quiet} add -A && ${quiet} commit -qm Loot && git rev-parse HEAD`,
  );
  const answer = await callTool(mill.url, own.token, 'change_submit', {
    commit: made.stdout,
    summary: 'Loot it',
  });
  expect(answer).toContain('package.json');
  const ran = await callTool(mill.url, own.token, 'gate_run', { gates: ['smoke'] });
  expect(ran).toContain('"state":"done"');
  const [result] = await mill.db.selectFrom('gate_results').selectAll().orderBy('id', 'desc').execute();
  expect(result).toMatchObject({ gate: 'smoke', isolation: expect.stringMatching(/^(full|partial)$/) });
  expect(result?.log).toContain('SEARCHED');
  expect(result?.log).not.toContain('LOOTED');
});

test('an agent pulls mainline without seeing the authority', async () => {
  const pulled = await as(
    own,
    'git -c core.hooksPath=/dev/null -c core.fsmonitor=false fetch -q factory && git rev-parse factory/main',
  );
  expect(pulled.stdout).toMatch(/^[0-9a-f]{40}$/);
  const seen = await as(own, 'git config remote.factory.url');
  expect(seen.stdout).not.toContain(mill.home);
});

test('every attempt works for who is not separate: as the user of the servers each of them succeeds', async () => {
  const failed: string[] = [];
  for (const { what, script } of ATTEMPTS) {
    const { exitCode, all } = await shell(undefined, script, '/', env);
    if (exitCode !== 0) failed.push(`${what}: ${all}`);
  }
  expect(failed).toEqual([]);
  // Without what keeps rights from growing, the set-user-id program does give root.
  const { uid } = own.user;
  const plain = await execa('setpriv', ['--reuid', `${uid}`, '--clear-groups', env.SETUID ?? '', '-u']);
  expect(plain.stdout).toBe('0');
});

test('doctor tries it as each user, and says what a user reaches', async () => {
  const tier = async () => {
    const { findings } = JSON.parse((await mill.cli(['doctor', '--json'])).stdout);
    return findings.filter(({ check }: { check: string }) => check === 'tier');
  };
  expect(await tier()).toMatchObject([{ state: 'ok' }, { state: 'ok' }]);
  await chmod(mill.home, 0o755);
  await chmod(join(mill.home, 'store.sqlite'), 0o644);
  const [found] = await tier();
  expect(found).toMatchObject({ state: 'fault', says: expect.stringContaining(`reads ${mill.home}`) });
  await chmod(mill.home, 0o700);
});

test('a run that ended leaves nothing: no process, no file, no right', async () => {
  const script = 'setsid env -i sleep 300 & (setsid env -i sh -c "while :; do sleep 1; done" &) ; sleep 0.2';
  expect(
    (await as(own, `echo '${script}' > "$HOME/tmp/go.draft" && mv "$HOME/tmp/go.draft" "$HOME/tmp/go"`))
      .exitCode,
  ).toBe(0);
  const ended = await eventually(async () => {
    const row = await mill.row(own.run);
    return row.ended_at !== null && row;
  });
  expect(ended.outcome).toBe('returned');
  expect(await readdir(join(mill.agents, 'runs'))).not.toContain(own.folder.split('/').at(-2));
  expect((await shell(own.user, 'ls "$CLONE"', '/', { CLONE: own.clone })).exitCode).not.toBe(0);
  expect(await callTool(mill.url, own.token, 'task_checkout')).toMatch(/^40[13] /);
  // Its user goes to the run that waited, with nothing of this one.
  const third = await mill.live({ run: own.run + 2, task: own.task + 2 });
  expect(third.user.uid).toBe(own.user.uid);
  const running = await Promise.all(runsOfUser(third.user).map(commandOf));
  expect(running.filter((line) => line.includes('300') || line.includes('while'))).toEqual([]);
});

test('a server that dies takes the hosts with it, whatever they did to their environment', async () => {
  const leaving = `echo 'setsid env -i sleep 299 & sleep 298' > "$HOME/tmp/go.d" && mv "$HOME/tmp/go.d" "$HOME/tmp/go"`;
  await as(other, leaving);
  await eventually(async () => runsOfUser(other.user).length >= 2);
  expect(await findDaemons(mill.home)).toHaveLength(1);
  mill.up.kill('SIGKILL');
  await mill.up;
  await eventually(async () => mill.users.every((user) => runsOfUser(user).length === 0));
  expect(await verifyRecord(mill.db)).toMatchObject({ ok: true });
  // What somebody else runs as such a user keeps runs from it.
  const pool = userPool({ users: [own.user], folder: mill.agents });
  const foreign = shell(own.user, 'exec sleep 30', '/', {});
  await eventually(async () => runsOfUser(own.user).length > 0);
  expect(pool.take()).toBe(undefined);
  foreign.kill('SIGKILL');
  await foreign;
  await eventually(async () => runsOfUser(own.user).length === 0);
  expect([pool.take(), pool.take()]).toEqual([own.user, undefined]);
});

test('what is less than separate is refused in one sentence, and nothing is served', async () => {
  const [a] = mill.users;
  const refused = async (args: readonly string[]) => {
    const { exitCode, stdout } = await mill.cli(['up', '--port', '0', '--json', ...args]);
    return [exitCode, JSON.parse(stdout).error?.message];
  };
  const folder = ['--agents-folder', mill.agents];
  expect(await refused(['--user', 'root', ...folder])).toEqual([3, expect.stringContaining('or root')]);
  expect(await refused(['--user', 'nobody-of-that-name', ...folder])).toEqual([
    3,
    expect.stringContaining('no user'),
  ]);
  const open = join(mill.folder, 'open');
  await execa('mkdir', ['-m', '777', open]);
  expect(await refused(['--user', a?.name ?? '', '--agents-folder', join(open, 'x')])).toEqual([
    3,
    expect.stringContaining('Others can change'),
  ]);
  expect(await refused(['--user', a?.name ?? '', '--agents-folder', mill.tmp])).toEqual([
    3,
    expect.stringContaining("not the servers' own"),
  ]);
  await chown(mill.home, 7001, 7001);
  expect(await refused(['--user', a?.name ?? '', ...folder])).toEqual([
    3,
    expect.stringContaining('belongs to another user'),
  ]);
  await chown(mill.home, 0, 0);
  // The home is open again: tried as the user, not believed.
  await chmod(mill.home, 0o711);
  await chmod(join(mill.home, 'store.sqlite'), 0o644);
  expect(await refused([])).toEqual([3, expect.stringMatching(/not separate: \d+ reads .*\/home\/mill/)]);
  await chmod(mill.home, 0o700);
  await writeFile(join(mill.home, 'separate.json'), '{}');
  expect((await refused([]))[0]).not.toBe(0);
  expect(await separationFor(mill.services.paths, { user: false })).toBe(undefined);
  expect(await readSeparation(mill.services.paths)).toBe(undefined);
});
