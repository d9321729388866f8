import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { link, open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { SigningError } from './errors.ts';

/**
 * Creates `path` with mode 0600 and exactly `text`, on disk, or not at all. Returns false when it exists already;
 * of many processes at once exactly one gets true, and none ever sees a half-written file.
 */
export async function createPrivateFile(path: string, text: string): Promise<boolean> {
  const draft = `${path}.${process.pid}.${randomBytes(8).toString('hex')}.draft`;
  try {
    const file = await open(draft, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await link(draft, path);
    await syncDirectory(dirname(path));
    return true;
  } catch (error) {
    if (isErrno(error, 'EEXIST')) return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

/**
 * Reads a small secret file. Throws SigningError `unsafe-file` unless it is a regular file (no symbolic link) of
 * this user, closed to group and others, of at most `maxBytes`. A missing file is the ENOENT of node:fs.
 */
export async function readPrivateFile(path: string, maxBytes: number): Promise<string> {
  const file = await openWithoutLinks(path);
  try {
    const { mode, size, uid } = await file.stat();
    const refuse = (why: string) => new SigningError('unsafe-file', `The key file ${path} ${why}.`);
    if ((mode & constants.S_IFMT) !== constants.S_IFREG) throw refuse('is not a regular file');
    if (uid !== process.geteuid?.()) throw refuse('belongs to another user');
    if ((mode & 0o077) !== 0) {
      const seen = (mode & 0o777).toString(8).padStart(4, '0');
      throw refuse(`is open to other users (mode ${seen}); replace the key, or run chmod 600 on it`);
    }
    if (size > maxBytes) throw refuse(`is larger than ${maxBytes} bytes`);
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

/** Whether `error` is the node:fs error with this code. */
export function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

async function openWithoutLinks(path: string) {
  try {
    // O_NONBLOCK: a named pipe in the file's place must not hang the server.
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (!isErrno(error, 'ELOOP')) throw error;
    throw new SigningError('unsafe-file', `The key file ${path} is a symbolic link.`);
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
