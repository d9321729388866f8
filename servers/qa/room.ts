import { lstat, mkdir, mkdtemp, readdir, readFile, realpath, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { roomPrefix, temporaryPrefix } from '../core/census.ts';
import { removeRoom } from '../core/clean_run.ts';
import type { WorkerBundle } from '../core/target/bundle.ts';
import type { ProductStart } from './product/start.ts';

const MOST_FILES = 200;
const MOST_BYTES = 60_000_000;
const PLAIN = /^[\w.-]{1,120}$/;

/** A fresh folder below `parent`, or without one the system's for temporary files; removed however its use ends. */
export async function withRoom<T>(use: (room: string) => Promise<T>, parent?: string): Promise<T> {
  if (parent) await mkdir(parent, { recursive: true, mode: 0o700 });
  const prefix = parent ? join(parent, roomPrefix('probe')) : join(tmpdir(), temporaryPrefix('probe'));
  const room = await realpath(await mkdtemp(prefix));
  try {
    return await use(room);
  } finally {
    await removeRoom(room);
  }
}

/** Lays a built Worker out below `work`, and says how it is started there. */
export async function layOutWorker(
  work: string,
  { files, migrations, config }: WorkerBundle,
): Promise<ProductStart> {
  for (const { path, bytes } of files) {
    const file = join(work, 'bundle', path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, bytes);
  }
  await mkdir(join(work, 'migrations'));
  for (const { database, name, sql } of migrations)
    await writeFile(join(work, 'migrations', `${name.slice(0, -4)}.${database}.sql`), sql);
  const { name, main, compatibilityDate, compatibilityFlags, vars, d1, modules } = config;
  const bindings = d1.map(({ binding }) => binding);
  const product = {
    ...{ name, main, compatibilityDate, compatibilityFlags, vars, d1: bindings },
    ...(modules && { modules }),
  };
  return { kind: 'worker', bundleDir: 'bundle', config: { ...product, migrationsDir: 'migrations' } };
}

/** What a program left in `out/`: ordinary files with plain names, bounded; anything else is passed over. */
export async function outputOf(work: string): Promise<Map<string, Buffer>> {
  const out = join(work, 'out');
  const files = new Map<string, Buffer>();
  const info = await lstat(out).catch(() => undefined);
  if (!info?.isDirectory()) return files;
  let left = MOST_BYTES;
  for (const name of (await readdir(out))
    .filter((one) => PLAIN.test(one))
    .sort()
    .slice(0, MOST_FILES)) {
    const file = await lstat(join(out, name));
    if (!file.isFile() || file.size > left) continue;
    left -= file.size;
    files.set(name, await readFile(join(out, name)));
  }
  return files;
}
