import { stat } from 'node:fs/promises';
import { openBare } from './bare.ts';
import { filledTables, versionOf } from './catalog.ts';
import { notEmpty } from './copy.ts';
import { MIGRATIONS, StoreTooNew } from './migrate.ts';
import { isPostgres, openStore, type Store } from './store.ts';

/**
 * Opens a store that has nothing in it yet, and makes its tables. What is there is looked at first, without a
 * change: throws `CONFLICT` when any table has a row and StoreTooNew when a newer program made it.
 */
export async function openEmpty(location: string): Promise<Store> {
  await assertEmptyAt(location);
  return openStore(location);
}

/** The look of {@link openEmpty} alone. */
export async function assertEmptyAt(location: string): Promise<void> {
  if (!isPostgres(location) && !(await stat(location).catch(() => undefined))) return;
  const bare = await openBare(location);
  try {
    const version = (await versionOf(bare)) ?? 0;
    const newest = MIGRATIONS.at(-1)?.version ?? 0;
    if (version > newest) throw new StoreTooNew(version, newest);
    const filled = await filledTables(bare);
    if (filled.length > 0) throw notEmpty(filled);
  } finally {
    await bare.close();
  }
}
