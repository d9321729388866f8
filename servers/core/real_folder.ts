import { constants } from 'node:fs';
import { type FileHandle, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';

const FOLDER = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
const FILE = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** An open folder, and where it was found. */
export interface RealFolder {
  readonly handle: FileHandle;
  readonly path: string;
}

/**
 * Opens `path` if it is a folder itself and no symbolic link, gives it to `use` and closes it. What is looked up in it
 * by the functions below is looked up in the folder that was opened, whatever is put in its place meanwhile; where
 * the system has no names below an open folder (not Linux), only the last name of each path is safe from that.
 * Throws ENOENT, ENOTDIR and ELOOP of node:fs.
 */
export const inFolder = <T>(path: string, use: (folder: RealFolder) => Promise<T>) => opened(path, path, use);

/** As {@link inFolder}, of a folder in this one. */
export const inside = <T>(folder: RealFolder, name: string, use: (inner: RealFolder) => Promise<T>) =>
  opened(below(folder, name), join(folder.path, name), use);

/** Opens a file in the folder to be read; never through a symbolic link, and without waiting for a FIFO's writer. */
export const openIn = (folder: RealFolder, name: string) => open(below(folder, name), FILE);

/** The names in the folder. */
export const namesIn = (folder: RealFolder) => readdir(below(folder, '.'));

const below = ({ handle, path }: RealFolder, name: string) =>
  process.platform === 'linux' ? `/proc/self/fd/${handle.fd}/${name}` : join(path, name);

async function opened<T>(way: string, path: string, use: (folder: RealFolder) => Promise<T>): Promise<T> {
  const handle = await open(way, FOLDER);
  try {
    return await use({ handle, path });
  } finally {
    await handle.close();
  }
}
