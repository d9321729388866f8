import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { exists } from '../servers/core/files.ts';
import { CommandError, EXIT } from './failures.ts';

/**
 * Makes a folder, and those above it, for its owner only; one that is there stays as it is. One step at a time:
 * a recursive `mkdir` never ends where the system lets nobody make one (`/proc`). Throws `CommandError` when it
 * cannot be, naming `option` as the way out; a full or read-only disk as the system says it.
 */
export async function makeFolder(path: string, option: string): Promise<void> {
  const missing: string[] = [];
  for (let at = path; !(await exists(at)); at = dirname(at)) missing.unshift(at);
  try {
    for (const folder of missing) await mkdir(folder, { mode: 0o700 });
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (/^(ENOSPC|EDQUOT|EROFS|EACCES|EPERM)$/.test(code)) throw error;
    if (code !== 'EEXIST') throw noFolder(path, option);
  }
  if (!(await stat(path)).isDirectory()) throw noFolder(path, option);
}

const noFolder = (path: string, option: string) =>
  new CommandError(
    'NO_FOLDER',
    `${path} is no folder and cannot be made one.`,
    `Name another one with ${option}.`,
    EXIT.notSetUp,
  );
