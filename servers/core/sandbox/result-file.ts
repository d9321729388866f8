import { constants } from 'node:fs';
import { open, realpath } from 'node:fs/promises';
import { dirname, isAbsolute, join, normalize } from 'node:path';
import { SandboxError } from './types.ts';

/**
 * Reads a file that a finished run left in its work folder, without being led elsewhere: no symlink on the way
 * or at the end, no hard link, no FIFO or device, at most `maxBytes` bytes. Call it only after the run.
 *
 * @throws {SandboxError} if the path is not such a file
 */
export async function readResult(workDir: string, relativePath: string, maxBytes: number): Promise<Buffer> {
  const path = normalize(relativePath);
  if (isAbsolute(path) || path.split('/').includes('..')) throw refused('leaves the work folder');
  const place = join(await realpath(workDir), path);
  if ((await realpath(dirname(place)).catch(() => '')) !== dirname(place))
    throw refused('has no plain parent folder');

  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = await open(place, flags).catch((error: NodeJS.ErrnoException) => {
    throw refused(`can't be opened (${error.code})`);
  });
  try {
    const stat = await file.stat();
    if (!stat.isFile() || stat.nlink !== 1) throw refused('is no ordinary file');
    if (stat.size > maxBytes) throw refused(`is larger than ${maxBytes} bytes`);
    const buffer = Buffer.alloc(stat.size);
    const { bytesRead } = await file.read(buffer, 0, stat.size, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

const refused = (why: string) => new SandboxError(`The result file ${why}.`);
