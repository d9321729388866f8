import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type Database from 'better-sqlite3';
import type { Wakeups } from './wakeups.ts';

/** A commit that takes longer to reach the disk is left to the poll. */
const LONGEST_SYNC_MS = 100;
const LOOK_AGAIN_MS = 2;

/**
 * Wakes waiters when another process committed. The WAL is written before its sync and can be read only after,
 * on a slow disk much later: so a write to it starts a short series of looks at `data_version`, which grows once
 * there is something new to read. `look` continues that series for a waiter who came after the write.
 */
export function watchWal(file: string, database: Database.Database, wakeups: Wakeups) {
  const dataVersion = database.prepare('pragma data_version').pluck();
  let seen: unknown;
  let lookUntil = 0;
  let looking = false;
  const look = async () => {
    if (looking) return;
    looking = true;
    while (database.open && wakeups.hasWaiters && performance.now() < lookUntil) {
      const version = dataVersion.get();
      if (version !== seen) wakeups.wake();
      seen = version;
      await sleep(LOOK_AGAIN_MS);
    }
    looking = false;
  };
  const watcher = watchFile(file, () => {
    lookUntil = performance.now() + LONGEST_SYNC_MS;
    void look();
  });
  return { look: () => void look(), close: () => watcher?.close() };
}

/** Watches the folder, not the WAL itself: SQLite may replace that file. */
function watchFile(file: string, written: () => void): FSWatcher | undefined {
  const wal = `${basename(file)}-wal`;
  try {
    const watcher = watch(dirname(file), { persistent: false }, (_event, name) => {
      if (name === wal) written();
    });
    watcher.on('error', () => watcher.close());
    return watcher;
  } catch {
    return undefined; // no watches left on this machine: the poll behind every wait still works
  }
}
