import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { temporaryPrefix } from '../census.ts';
import { exists } from '../files.ts';
import type { Engine } from './engine.ts';
import { runWith } from './run.ts';
import { SandboxError } from './types.ts';

/**
 * Believes an engine only after it has held: runs hostile acts in it against a live decoy that was reached
 * from outside just before and is reached again afterwards.
 *
 * @returns why the engine is not to be used here, or undefined if it holds what it claims
 */
export async function probe(engine: Engine): Promise<string | undefined> {
  const obstacle = engine.obstacle();
  if (obstacle !== undefined || engine.isolation === 'none') return obstacle;
  const decoy = await openDecoy(engine);
  try {
    await assertReachable(decoy);
    const seen = await attack(engine, decoy);
    await assertReachable(decoy);
    return verdict(engine, seen, await exists(decoy.outsideWrite));
  } catch (error) {
    return error instanceof SandboxError ? error.message : `the probe failed: ${(error as Error).message}`;
  } finally {
    await decoy.close();
  }
}

interface Decoy {
  readonly folder: string;
  readonly work: string;
  readonly secretFile: string;
  readonly secret: string;
  readonly socketPath: string;
  readonly abstractName: string;
  readonly port: number;
  readonly outsideWrite: string;
  close(): Promise<void>;
}

async function openDecoy(engine: Engine): Promise<Decoy> {
  const folder = await mkdtemp(join(tmpdir(), temporaryPrefix('probe')));
  if (engine.enforced.files === 'uid') await chmod(folder, 0o711); // without mounts the run walks the host's path
  const secret = randomBytes(16).toString('hex');
  const [work, secretFile, socketPath] = [
    join(folder, 'work'),
    join(folder, 'secret'),
    join(folder, 'socket'),
  ];
  const abstractName = `millwright-${secret}`;
  await mkdir(work);
  await writeFile(secretFile, secret, { mode: 0o600 });
  const servers = [createServer(greet), createServer(greet), createServer(greet)] as const;
  await listen(servers[0], { host: '127.0.0.1', port: 0 });
  await listen(servers[1], { path: socketPath });
  await listen(servers[2], { path: `\0${abstractName}` });
  const { port } = servers[0].address() as { port: number };
  const outsideWrite = join(tmpdir(), `millwright-escape-${secret}`);
  return {
    ...{ folder, work, secretFile, secret, socketPath, abstractName, port, outsideWrite },
    async close() {
      for (const server of servers) server.close();
      await rm(folder, { recursive: true, force: true });
      await rm(outsideWrite, { force: true });
    },
  };
}

const greet = (socket: import('node:net').Socket) => socket.on('error', () => {}).end('decoy');
const listen = (server: Server, where: { host: string; port: number } | { path: string }) =>
  new Promise<void>((done, fail) => server.once('error', fail).listen(where, done));

async function assertReachable(decoy: Decoy): Promise<void> {
  await greeting({ host: '127.0.0.1', port: decoy.port });
  await greeting({ path: decoy.socketPath });
  await greeting({ path: `\0${decoy.abstractName}` });
  if ((await readFile(decoy.secretFile, 'utf8')) !== decoy.secret)
    throw new SandboxError('the decoy is gone');
}

const greeting = (where: { host: string; port: number } | { path: string }) =>
  new Promise<void>((done, fail) =>
    connect(where)
      .on('error', fail)
      .on('data', () => done())
      .on('end', () => done()),
  );

type Act =
  | 'environment'
  | 'processes'
  | 'file'
  | 'port'
  | 'socket'
  | 'abstract'
  | 'signal'
  | 'capabilities'
  | 'privileges'
  | 'seccomp'
  | 'userNamespace'
  | 'loopback'
  | 'work';
/** For the last six what the run is or has; for the others whether the act succeeded. */
type Seen = Readonly<Record<Act, boolean>>;

async function attack(engine: Engine, decoy: Decoy): Promise<Seen> {
  const facts = { ...decoy, pid: process.pid };
  const command = ['node', '-e', ATTACK, '--', JSON.stringify(facts)] as const;
  const limits = { wallMs: 15_000, outputBytes: 100_000 };
  const result = await runWith(engine, { command, work: decoy.work, limits });
  if (result.exit !== 0)
    throw new SandboxError(`it could not be started (${result.stderr.trim().split('\n').at(-1) ?? ''})`);
  return JSON.parse(result.stdout) as Seen;
}

function verdict(engine: Engine, seen: Seen, wroteOutside: boolean): string | undefined {
  const { enforced } = engine;
  const leaks = Object.entries({
    'reads the environment of the server': seen.environment,
    'reads files of the server': seen.file,
    'signals the server': seen.signal,
    'keeps capabilities': seen.capabilities,
    'can gain privileges': !seen.privileges,
    'sees foreign processes': enforced.tree === 'namespace' && seen.processes,
    'reaches ports of the host': enforced.network === 'namespace' && seen.port,
    'reaches sockets of the host': enforced.network === 'namespace' && (seen.socket || seen.abstract),
    'writes outside its folder': enforced.files === 'allow-list' && wroteOutside,
    'has no system call filter': enforced.seccomp && !seen.seccomp,
    'opens user namespaces': enforced.userNamespaces === 'closed' && seen.userNamespace,
    'has no loopback of its own': !seen.loopback,
    "can't write its folder": !seen.work,
  });
  const found = leaks.filter(([, leaked]) => leaked).map(([name]) => name);
  return found.length === 0 ? undefined : `a run ${found.join(', ')}`;
}

/** Runs inside. Prints one JSON object: which acts succeeded. */
const ATTACK = `
const fs = require('node:fs'), net = require('node:net'), { spawnSync } = require('node:child_process');
const decoy = JSON.parse(process.argv[1]);
const can = (act) => { try { act(); return true; } catch { return false; } };
const reach = (where) => new Promise((done) => {
  const socket = net.connect(where, () => { socket.destroy(); done(true); });
  socket.on('error', () => done(false));
  setTimeout(done, 2000, false).unref();
});
const status = fs.readFileSync('/proc/self/status', 'utf8');
const field = (name) => new RegExp('^' + name + ':\\\\s+(\\\\S+)', 'm').exec(status)?.[1];
(async () => {
  const own = net.createServer().listen(0, '127.0.0.1');
  await new Promise((done) => own.once('listening', done).once('error', done));
  const mine = own.listening ? await reach({ host: '127.0.0.1', port: own.address().port }) : false;
  can(() => fs.writeFileSync(decoy.outsideWrite, 'x'));
  const acts = {
    environment: can(() => fs.readFileSync('/proc/' + decoy.pid + '/environ')),
    processes: fs.readdirSync('/proc').filter((name) => /^\\d+$/.test(name)).length > 8,
    file: can(() => fs.readFileSync(decoy.secretFile)),
    port: await reach({ host: '127.0.0.1', port: decoy.port }),
    socket: await reach({ path: decoy.socketPath }),
    abstract: await reach({ path: '\\0' + decoy.abstractName }),
    signal: can(() => process.kill(decoy.pid, 0)) && decoy.pid !== process.pid,
    capabilities: ['CapEff', 'CapPrm', 'CapBnd'].some((name) => !/^0+$/.test(field(name) ?? '')),
    privileges: field('NoNewPrivs') === '1',
    seccomp: field('Seccomp') === '2',
    userNamespace: spawnSync('unshare', ['--user', 'true']).status === 0,
    loopback: mine,
    work: can(() => fs.writeFileSync('probe', 'x')),
  };
  console.log(JSON.stringify(acts));
  process.exit(0);
})();
`;
