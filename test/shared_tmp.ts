import { accessSync, constants, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';

const IN_MEMORY = '/dev/shm';
const ENOUGH_BYTES = 4 * 2 ** 30;

/**
 * Where all test processes put their folders: a file system in memory where there is one with room, because a suite
 * waits for `fsync` longer than for anything else. None of the tests takes the power away.
 */
export const SHARED_TMPDIR = process.env['SHARED_TMPDIR'] ?? (hasRoom(IN_MEMORY) ? IN_MEMORY : tmpdir());

function hasRoom(path: string): boolean {
  try {
    accessSync(path, constants.W_OK | constants.X_OK);
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize >= ENOUGH_BYTES;
  } catch {
    return false;
  }
}
