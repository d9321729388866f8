import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import pg from 'pg';

/**
 * `postgres-keeper.ts NATIVE FOLDER PORT [UID]`: makes a cluster in FOLDER/data, runs it, says "ready", and ends it with
 * its folder when stdin closes; a line on stdin has it crash and start again. Whoever started this holds the other
 * end, so that not even a SIGKILL leaves a server behind.
 */
const [native = '', folder = '', port = '', uid] = process.argv.slice(2);
const data = join(folder, 'data');
const env = { PATH: '/usr/bin:/bin', LC_ALL: 'C', LD_LIBRARY_PATH: join(native, 'lib') };
const owner = uid ? { uid: Number(uid), gid: Number(uid) } : {};
const options = { ...owner, env, extendEnv: false, cwd: folder, stdin: 'ignore' } as const;
const abandoned = new Promise<void>((resolve) => process.stdin.resume().once('close', resolve));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

await writeFile(join(folder, 'keeper.pid'), `${process.pid}`);
await execa(
  join(native, 'bin', 'initdb'),
  ['-D', data, '-U', 'postgres', '--no-sync', '-A', 'trust', '-E', 'UTF8'],
  options,
);
const settings = [
  'listen_addresses=',
  'max_connections=300',
  'fsync=off',
  `unix_socket_directories=${folder}`,
];
let restarts = 0;
let server = launch();
const failed = runs();
process.stdin.on('data', () => {
  restarts++;
  server.kill('SIGQUIT');
});

const fault = await Promise.race([answers(), failed, abandoned]);
if (fault) {
  process.stderr.write(fault);
  process.exitCode = 1;
} else {
  process.stdout.write('ready\n');
  await Promise.race([abandoned, failed]);
}
server.kill('SIGQUIT');
await server;
await rm(folder, { recursive: true, force: true });
process.exit();

function launch() {
  const args = ['-D', data, '-p', port, ...settings.flatMap((setting) => ['-c', setting])];
  const quiet = { reject: false, stdout: 'ignore', stderr: 'pipe' } as const;
  return execa(join(native, 'bin', 'postgres'), args, { ...options, ...quiet });
}

/** Resolves with what the server said when it ended unasked. */
async function runs(): Promise<string> {
  for (;;) {
    const asked = restarts;
    const { stderr } = await server;
    if (restarts === asked || process.stdin.closed) return stderr;
    server = launch();
  }
}

async function answers(): Promise<undefined> {
  for (;;) {
    const client = new pg.Client({
      host: folder,
      port: Number(port),
      user: 'postgres',
      database: 'postgres',
    });
    client.on('error', () => {});
    const connected = await client.connect().then(
      () => true,
      () => false,
    );
    await client.end().catch(() => {});
    if (connected) return undefined;
    await sleep(20);
  }
}
