import { constants } from 'node:fs';
import { open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

const MAX_STATE_BYTES = 64 * 1024 * 1024;

/** The bytes of a regular file of the state folder (no symbolic link, bounded), or null when there is none. */
export async function readState(path: string): Promise<Buffer | null> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    absent,
  );
  if (!file) return null;
  try {
    const { size } = await file.stat();
    if (size > MAX_STATE_BYTES) throw new Error(`${path} is larger than any file Millwright writes there`);
    return await file.readFile();
  } finally {
    await file.close();
  }
}

/** Removes what a killed writer of this folder left half written. Only its one writer may call this. */
export async function removeDrafts(dir: string): Promise<void> {
  const drafts = (await readdir(dir)).filter((entry) => entry.endsWith('.draft'));
  await Promise.all(drafts.map((entry) => rm(join(dir, entry), { force: true })));
}

/** Turns the absence of a file into null, and lets every other failure through: `.catch(absent)`. */
export function absent(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}
