import { appendFileSync, openSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readState } from './files.ts';

const MAX_LOG_BYTES = 2_000_000;

const logPath = (dir: string) => join(dir, 'runtime.log');

/**
 * Opens the runtime's log, which what Workers print goes to as well: appended to by every runtime, begun anew when
 * it has become long, and closed to further lines at its bound, so that no product can fill the disk.
 */
export async function openRuntimeLog(dir: string): Promise<(line: string) => void> {
  const path = logPath(dir);
  const size = await stat(path).then(
    (found) => found.size,
    () => 0,
  );
  const full = size > MAX_LOG_BYTES / 2;
  const log = openSync(path, full ? 'w' : 'a', 0o600);
  let left = MAX_LOG_BYTES - (full ? 0 : size);
  return (line) => {
    left -= Buffer.byteLength(line) + 1;
    if (left > 0) appendFileSync(log, `${line}\n`);
  };
}

/** The end of the log, at most 2,000 characters; empty when there is none. */
export async function tailOfRuntimeLog(dir: string): Promise<string> {
  return (await readState(logPath(dir)))?.toString().slice(-2_000) ?? '';
}
