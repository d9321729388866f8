import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CommandError, diskFull, EXIT } from './failures.ts';

/** What the system and SQLite say when a place cannot be written. */
const REFUSED = /^(EROFS|EACCES|EPERM|ENOENT|ENOTDIR|SQLITE_READONLY|SQLITE_CANTOPEN|SQLITE_PERM)/;
const FULL = /^(ENOSPC|EDQUOT|EFBIG|SQLITE_FULL|SQLITE_IOERR_WRITE)/;

/**
 * Runs `work`, which writes to `place`, and turns what the system says about that place into one sentence: a full
 * disk, a place that cannot be written, a file that is something else. Other errors pass.
 */
export async function writable<T>(place: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const code = codeOf(error);
    if (isFull(error)) throw diskFull();
    if (isMissingProgram(error)) throw error;
    if (REFUSED.test(code)) throw notWritable(place);
    if (code === 'SQLITE_NOTADB') {
      throw new CommandError('NOT_A_STORE', `${place} is something else than a store.`, 'Name a new file.');
    }
    throw error;
  }
}

/** Whether something could not be written for want of space; git says so in its own words. */
export const isFull = (error: unknown): boolean =>
  FULL.test(codeOf(error)) || /No space left on device|File too large/.test(String(error));

/** Whether a program that the work needs is not there: no fault of the place. */
export const isMissingProgram = (error: unknown): boolean => /could not be started/.test(String(error));

/** Throws unless a file could be at `path`: its folder is there, and it is none itself. */
export async function assertFilePlace(path: string): Promise<void> {
  const isFolder = async (one: string) => (await stat(one).catch(() => undefined))?.isDirectory() === true;
  if (!(await isFolder(dirname(path))) || (await isFolder(path))) throw notWritable(path);
}

const notWritable = (place: string) =>
  new CommandError(
    'NOT_WRITABLE',
    `${place} cannot be written.`,
    'Make its folder, or make it writable for you, or name another place.',
    EXIT.notSetUp,
  );

/** The code of an error, or of the one behind it. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  const own = 'code' in error ? String(error.code) : '';
  return /^(E[A-Z]|SQLITE)/.test(own) ? own : codeOf(error.cause) || own;
}
