import { randomUUID } from 'node:crypto';
import { chmod, copyFile, mkdir, mkdtemp, open, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { openAuthority } from '../servers/core/git/authority.ts';
import { git } from '../servers/core/git/git.ts';
import { signHead } from '../servers/core/heads.ts';
import { verifyRecord } from '../servers/core/record.ts';
import type { Services } from '../servers/core/services.ts';
import { damageOf, openBare, settleFile } from '../servers/core/store/bare.ts';
import { copyStore } from '../servers/core/store/copy.ts';
import { inSnapshot } from '../servers/core/store/snapshot.ts';
import { openStore } from '../servers/core/store/store.ts';
import { VERSION } from '../servers/core/version.ts';
import { checkBackup, type Held } from './backup_check.ts';
import { canKeep, FOLDERS, PARTS, signManifest } from './backup_manifest.ts';
import { CommandError, EXIT } from './failures.ts';
import { vacuumInto } from './store_queries.ts';

type Progress = (line: string) => void;

const MINUTES_10 = 600_000;

/**
 * Writes a whole backup into the new folder `to` while the factory goes on working, and verifies it. The folder is
 * there only once it is whole and verified; it holds the factory's key and is readable by its owner only.
 */
export async function writeBackup(
  services: Services,
  factory: string,
  to: string,
  progress: Progress,
): Promise<Held> {
  return asDraft(to, async (draft) => {
    await mkdir(draft, { mode: 0o700 });
    const { privateKey } = await services.key();
    const at = services.clock.now();
    const record = await writeStore(services, join(draft, PARTS.store), progress);
    const head = { factory, seq: record.entries, hash: record.head, at };
    await writeFile(join(draft, PARTS.head), signHead(head, privateKey), { mode: 0o600 });
    // After the store: every commit that it speaks of is in the bundle.
    progress('Bundling the mainline and its attestations');
    const bundle = ['bundle', 'create', '-q', join(draft, PARTS.mainline), '--all'];
    await git(await openAuthority(services.paths.git), bundle, { timeoutMs: MINUTES_10 });
    await copyFiles(services.paths.home, draft);
    const manifest = await signManifest(draft, { factory, millwright: VERSION, at }, privateKey);
    await writeFile(join(draft, PARTS.manifest), manifest, { mode: 0o600 });
    await settle(draft);
    progress('Verifying what was written');
    return inScratch((scratch) => checkBackup(draft, scratch));
  });
}

/** Writes the store alone into the new SQLite file `to`, and verifies it. */
export async function writeStoreCopy(services: Services, to: string, progress: Progress) {
  return asDraft(to, async (draft) => {
    const record = await writeStore(services, draft, progress);
    await sync(draft);
    return record;
  });
}

async function writeStore({ store }: Services, file: string, progress: Progress) {
  progress(`Copying the store (${store.dialect})`);
  if (store.dialect === 'sqlite') {
    await vacuumInto(store.db, file);
  } else {
    const copy = await openStore(file);
    try {
      await inSnapshot(store, (from) => copyStore(from, copy, progress));
    } finally {
      await copy.close();
    }
  }
  await chmod(file, 0o600);
  settleFile(file);
  const damage = damageOf(file);
  const { db, close } = await openBare(file);
  const found = await verifyRecord(db).finally(close);
  if (damage === undefined && found.ok) return found;
  const why = damage ?? (found.ok ? '' : `the record does not verify at entry ${found.seq}: ${found.why}`);
  throw new CommandError(
    'STORE_DAMAGED',
    `The copy of the store does not hold: ${why}.`,
    'Nothing was kept. Run `millwright doctor`, and compare with an older backup.',
    EXIT.damaged,
  );
}

/** The files of a factory's folder that nothing else can make again; those that are not there are left out. */
async function copyFiles(home: string, draft: string): Promise<void> {
  const folders = await Promise.all(FOLDERS.map((folder) => filesOf(home, folder)));
  const single = ['factory.yaml', 'product.json', 'factory_key.pub', PARTS.key];
  for (const path of [...single, ...folders.flat()]) {
    await mkdir(dirname(join(draft, path)), { recursive: true, mode: 0o700 });
    await copyFile(join(home, path), join(draft, path)).then(
      () => chmod(join(draft, path), 0o600),
      (error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT' || path === PARTS.key) throw error;
      },
    );
  }
}

/** Plain files only: a link may lead anywhere. */
async function filesOf(home: string, folder: string): Promise<string[]> {
  const options = { recursive: true, withFileTypes: true } as const;
  const entries = await readdir(join(home, folder), options).catch(() => []);
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(home, join(entry.parentPath, entry.name)))
    .filter(canKeep);
}

/** Makes `to` under another name first: a backup that is there is a whole one. */
async function asDraft<T>(to: string, make: (draft: string) => Promise<T>): Promise<T> {
  const draft = `${to}.${randomUUID()}.unfinished`;
  try {
    const made = await make(draft);
    await rename(draft, to);
    await sync(dirname(to));
    return made;
  } finally {
    for (const left of [draft, `${draft}-wal`, `${draft}-shm`, `${draft}-journal`]) {
      await rm(left, { recursive: true, force: true });
    }
  }
}

async function inScratch<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'millwright-check-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Brings every file and folder to the disk. */
async function settle(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    await sync(join(entry.parentPath, entry.name));
  }
  await sync(folder);
}

async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r');
  await handle.sync().finally(() => handle.close());
}
