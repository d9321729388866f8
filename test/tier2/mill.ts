import { chmod, mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { parse, stringify } from 'yaml';
import { applyFirstDefinition, enrol, readDefinition } from '../../servers/core/factory/create.ts';
import { createAuthority } from '../../servers/core/git/authority.ts';
import { openServices } from '../../servers/core/open.ts';
import { asUser, type OsUser } from '../../servers/core/os_user.ts';
import { insertSpawn } from '../../servers/tasks/agents_queries.ts';
import { insertTask } from '../../servers/tasks/queries.ts';
import { LAUNCHER } from '../cli/command.ts';
import { PRODUCT } from '../hosts/mill.ts';

const NEEDS = 'These tests play agents as other users of the system: they need root, and may mount a tmpfs.';

/** Above what accounts have, and below what the sandbox draws from: users that have no other use. */
const FIRST_UID = 1_800_000_000;

/** As on a hardened machine: what is not opened by name is closed. */
const STRICT = ['-c', 'umask 077; exec "$@"', 'sh', process.execPath];

/** What the environment of the servers holds and agents must not come by. */
export const DECOY = 'decoy-1f6c0a9e';

/**
 * A host that says it is there and then waits for a script of the test, which it runs as its last act. It notes what
 * it was given: its environment, its open files, its arguments.
 */
const HOST = `#!/bin/sh
env > "$TMPDIR/env"; ls -l /proc/self/fd > "$TMPDIR/fd"; printf '%s\\n' "$@" > "$TMPDIR/args"
echo '{"type":"system","subtype":"init"}'
echo $$ > "$TMPDIR/pid.draft"; mv "$TMPDIR/pid.draft" "$TMPDIR/pid"
while [ ! -e "$TMPDIR/go" ]; do sleep 0.1; done
. "$TMPDIR/go"
`;

/** One run that is under way, as the attacker in it knows it. */
export interface Live {
  readonly run: number;
  readonly task: number;
  readonly user: OsUser;
  readonly folder: string;
  readonly pid: number;
  readonly token: string;
  readonly clone: string;
}

export type TwoUsers = Awaited<ReturnType<typeof openTwoUsers>>;

/** A factory under `millwright up --user A B`, with the person's checkout beside it. `close` ends all of it. */
export async function openTwoUsers() {
  if (process.getuid?.() !== 0) throw new Error(NEEDS);
  const folder = await mkdtemp(join(tmpdir(), 'tier2-'));
  await chmod(folder, 0o711);
  const [home, agents, checkout] = ['home/mill', 'agents', 'checkout'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  await mkdir(home, { recursive: true, mode: 0o700 });
  // What holds is the home, and not a closed folder above it.
  await chmod(join(home, '..'), 0o711);
  await execa('git', ['init', '-q', checkout]);
  await chmod(checkout, 0o755);
  const tmp = join(folder, 'tmp');
  await mkdir(tmp);
  await mountSmall(tmp);
  const host = join(folder, 'host');
  await writeFile(host, HOST, { mode: 0o755 });
  const users = [0, 1].map((n): OsUser => {
    const uid = FIRST_UID + (process.pid % 1_000_000) * 2 + n;
    return { name: String(uid), uid, gid: uid, home: '/nonexistent' };
  });
  const services = await openServices(home);
  await definition(services, host);
  await writeFile(join(home, 'product.json'), JSON.stringify({ repository: checkout }));
  await createAuthority(home, { initial: [...PRODUCT], message: 'Start', at: new Date() });
  await enrol(services, 'ceo');
  await services.key();
  const names = users.map(({ name }) => name);
  const cli = (args: readonly string[]) =>
    execa('sh', [...STRICT, LAUNCHER, '--home', join(folder, 'home'), '--factory', 'mill', ...args], {
      cwd: '/',
      env: {
        PATH: process.env.PATH ?? '',
        HOME: join(folder, 'home'),
        TMPDIR: tmp,
        CLOUDFLARE_API_TOKEN: DECOY,
      },
      extendEnv: false,
      reject: false,
      timeout: 100_000,
    });
  const up = cli(['up', '--user', ...names, '--agents-folder', agents, '--port', '0', '--json']);
  up.stderr?.on('data', (chunk) => process.env.DEBUG && process.stderr.write(String(chunk)));
  const url = await new Promise<string>((resolve, reject) => {
    up.stdout?.once('data', (chunk) => resolve(new URL(JSON.parse(String(chunk)).url).origin));
    void up.then(({ stderr, stdout }) => reject(new Error(`up ended: ${stdout} ${stderr}`)));
  });
  const { db } = services.store;
  return {
    ...{ folder, home, agents, checkout, tmp, users, services, db, cli, up, url },
    async queue(role: string, agent: string) {
      return services.store.transaction(async (tx) => {
        const now = services.clock.now();
        const work = { title: 'Ship it', description: '', criteria: ['It adds'], stops: ['It does not'] };
        const task = await insertTask(tx, { ...work, role, priority: 50, needs: [], createdBy: 'ceo', now });
        const by = { message: '', root: 'r', requestedBy: 'ceo', now };
        return { task, run: (await insertSpawn(tx, { role, agent, task, ...by })).id };
      });
    },
    /** Waits until the host of a run is there. */
    async live({ run, task }: { run: number; task: number }): Promise<Live> {
      const runs = join(agents, 'runs');
      const found = await eventually(async () => {
        const name = (await readdir(runs)).find((one) => one.startsWith(`run-${run}-`));
        const pid = name && (await readFile(join(runs, name, '0', 'tmp', 'pid'), 'utf8'));
        return name && pid ? { name, pid: Number(pid) } : undefined;
      });
      const at = join(runs, found.name, '0');
      const config = await readFile(join(at, 'mcp.json'), 'utf8');
      const token = /mw_[A-Za-z0-9_-]+/.exec(config)?.[0] ?? '';
      const status = await readFile(`/proc/${found.pid}/status`, 'utf8');
      const user = users.find(({ uid }) => status.includes(`Uid:\t${uid}\t${uid}\t${uid}\t${uid}`));
      if (!user || !token) throw new Error(`Run ${run} is not as it should be: ${status}`);
      return {
        run,
        task,
        user,
        folder: at,
        pid: found.pid,
        token,
        clone: join(agents, 'clones', `T-${task}-1`),
      };
    },
    row: (run: number) => db.selectFrom('spawns').selectAll().where('id', '=', run).executeTakeFirstOrThrow(),
    async close() {
      up.kill('SIGTERM');
      await up;
      await services.close();
      await execa('umount', [tmp]);
    },
  };
}

/** The temporary folder that servers and agents share, so small that an agent can fill it. */
async function mountSmall(at: string): Promise<void> {
  const options = ['-t', 'tmpfs', '-o', 'size=16m,mode=1777', 'tmpfs', at];
  const { exitCode, stderr } = await execa('mount', options, { reject: false });
  if (exitCode !== 0) throw new Error(`${NEEDS} (mount: ${stderr})`);
}

async function definition(services: Parameters<typeof applyFirstDefinition>[0], host: string) {
  const shipped = await readDefinition('solo');
  const factory = parse(shipped['factory.yaml'] ?? '');
  factory.memory.required = false;
  factory.limits = { ...factory.limits, parallel: 3 };
  factory.hosts = { 'claude-code': { kind: 'claude-code', command: host } };
  const files = { ...shipped, 'factory.yaml': stringify(factory) };
  await applyFirstDefinition(services, files, 'initial');
  await writeFile(services.paths.definition, files['factory.yaml'], { mode: 0o600 });
}

/** Runs a script with a full shell, as one user or as the one of the servers. */
export function shell(user: OsUser | undefined, script: string, cwd: string, env: Record<string, string>) {
  const [file = '', ...args] = user ? asUser(user, ['sh', '-c', script]) : ['sh', '-c', script];
  const all = { PATH: process.env.PATH ?? '', HOME: cwd, ...env };
  return execa(file, args, { cwd, env: all, extendEnv: false, reject: false, all: true, timeout: 20_000 });
}

/** The first answer that is one; what throws is asked again. */
export async function eventually<T>(look: () => Promise<T | undefined | false>, ms = 30_000): Promise<T> {
  for (const until = Date.now() + ms; ; await sleep(100)) {
    const found = await look().catch((error: Error) =>
      Date.now() > until ? Promise.reject(error) : undefined,
    );
    if (found) return found;
    if (Date.now() > until) throw new Error(`It did not come to be: ${look}`);
  }
}

/** Calls a tool with a token, as any program on this machine can. */
export async function callTool(url: string, token: string, name: string, args: object = {}): Promise<string> {
  const answer = await fetch(`${url}/mcp`, {
    method: 'POST',
    headers: {
      Authorization: `Bearer ${token}`,
      'Content-Type': 'application/json',
      Accept: 'application/json, text/event-stream',
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args } }),
  });
  return `${answer.status} ${await answer.text()}`;
}
