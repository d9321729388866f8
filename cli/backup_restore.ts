import { randomUUID } from 'node:crypto';
import { chmod, copyFile, mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { append, verifyRecord } from '../servers/core/record.ts';
import { settleFile } from '../servers/core/store/bare.ts';
import { copyStore } from '../servers/core/store/copy.ts';
import { endSessions, freeLeases, revokeEnrolments } from '../servers/core/store/handover.ts';
import { assertEmptyAt, openEmpty } from '../servers/core/store/open_empty.ts';
import { inSnapshot } from '../servers/core/store/snapshot.ts';
import { openStore, type Store } from '../servers/core/store/store.ts';
import { checkBackup, type Held } from './backup_check.ts';
import { PARTS, parseManifest } from './backup_manifest.ts';
import { CommandError, EXIT } from './failures.ts';
import { makeFolder } from './folder.ts';
import { writable } from './places.ts';

export interface Restored {
  readonly home: string;
  readonly held: Held;
  /** How many sessions and leases of the past were ended. */
  readonly ended: number;
  readonly freed: number;
}

interface Where {
  /** A PostgreSQL URL for the store; without it the store is a file in the factory's folder. */
  readonly to: string | undefined;
  /** The file of a head that was kept elsewhere. */
  readonly head: string | undefined;
}

/**
 * Verifies a backup and makes its factory anew below `factories`, which must not have it. The factory's folder is
 * there only once everything in it is; what fails before leaves nothing.
 */
export async function restoreBackup(
  folder: string,
  factories: string,
  { to, head }: Where,
  progress: (line: string) => void,
): Promise<Restored> {
  const name = await factoryIn(folder);
  const known = head === undefined ? undefined : await readHeadFile(head);
  const home = join(factories, name);
  await assertNoFactory(home);
  await makeFolder(factories, '--home');
  if (to !== undefined) await assertEmptyAt(to);
  const draft = join(factories, `.${name}.${randomUUID()}.unfinished`);
  return writable(factories, async () => {
    try {
      await mkdir(draft, { mode: 0o700 });
      progress('Verifying the backup');
      const held = await checkBackup(folder, draft, known);
      await putFiles(folder, draft, held);
      const past = await putStore(draft, held, to, progress);
      await rename(draft, home);
      return { home, held, ...past };
    } finally {
      await rm(draft, { recursive: true, force: true });
    }
  });
}

async function putFiles(folder: string, draft: string, { manifest }: Held): Promise<void> {
  const elsewhere: readonly string[] = [PARTS.mainline, PARTS.head];
  for (const path of Object.keys(manifest.files).filter((one) => !elsewhere.includes(one))) {
    await mkdir(dirname(join(draft, path)), { recursive: true, mode: 0o700 });
    await copyFile(join(folder, path), join(draft, path));
    await chmod(join(draft, path), 0o600);
  }
}

async function putStore(draft: string, held: Held, to: string | undefined, progress: (line: string) => void) {
  const file = join(draft, PARTS.store);
  const store = await openStore(file);
  try {
    const past = await endThePast(store, held);
    const found = await verifyRecord(store.db);
    if (!found.ok) throw new Error(`The record does not verify at entry ${found.seq}: ${found.why}.`);
    if (to === undefined) return past;
    const target = await openEmpty(to);
    try {
      await inSnapshot(store, (from) => copyStore(from, target, progress));
    } finally {
      await target.close();
    }
    return past;
  } finally {
    await store.close();
    if (to === undefined) settleFile(file);
    else await rm(file);
  }
}

/** Nobody who worked when the backup was made can go on as if nothing had been. */
async function endThePast(store: Store, { manifest, entries, head }: Held) {
  const at = Date.now();
  return store.transaction(async (tx) => {
    const ended = await endSessions(tx, at);
    const freed = await freeLeases(tx);
    await revokeEnrolments(tx, at);
    await append(store, tx, {
      at,
      session: 'server',
      agent: 'operator',
      role: 'operator',
      event: 'store.restored',
      body: { backup: manifest.at, entries, head, sessions: ended, leases: freed },
    });
    return { ended, freed };
  });
}

async function factoryIn(folder: string): Promise<string> {
  const found = await stat(folder).catch(() => undefined);
  if (found?.isFile()) {
    throw new CommandError(
      'STORE_ALONE',
      `${folder} is a file: a copy of a store, without the mainline and the key of its factory.`,
      'Name a folder that `millwright backup` wrote.',
      EXIT.usage,
    );
  }
  const text = await readFile(join(folder, PARTS.manifest), 'utf8').catch(() => {
    throw new CommandError(
      'NO_BACKUP',
      `There is no backup in ${folder}.`,
      'Name a folder that `millwright backup` wrote.',
      EXIT.usage,
    );
  });
  try {
    return parseManifest(text).factory;
  } catch {
    throw new CommandError(
      'BACKUP_DAMAGED',
      `The backup ${folder} does not hold: ${PARTS.manifest} is no manifest of a backup.`,
      'Use another backup.',
      EXIT.damaged,
    );
  }
}

const readHeadFile = (file: string) =>
  readFile(file, 'utf8').catch(() => {
    throw new CommandError(
      'NO_HEAD',
      `There is no file ${file}.`,
      'Name one that `millwright record head --export` wrote.',
      EXIT.usage,
    );
  });

async function assertNoFactory(home: string): Promise<void> {
  const entries = await readdir(home).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  if (entries.length === 0) return;
  throw new CommandError(
    'EXISTS',
    `There is something in ${home} already.`,
    'Move it away, or name another folder with --home.',
  );
}
