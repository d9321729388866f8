import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore, type Store } from '../../core/store/store.ts';
import { importEntries } from './import.ts';

/** Works on a store of its own, SQLite in a temporary folder, with the entries of a file in it. Throws `BadLine`. */
export async function withEntries<T>(
  file: string,
  work: (store: Store) => Promise<T>,
  progress?: (line: string) => void,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'millwright-memory-'));
  try {
    const store = await openStore(join(folder, 'memory.sqlite'));
    try {
      const nobody = { agent: 'somebody', roleOf: () => 'somebody' };
      await importEntries(store, file, { ...nobody, ...(progress ? { progress } : {}) });
      return await work(store);
    } finally {
      await store.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
