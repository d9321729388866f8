import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { ToolError } from '../errors.ts';

/**
 * The machine that the local target of a factory belongs to: the first one that asks, by its host name. Its runtime
 * is a process there and its databases are files that only one machine may write, so the others leave it alone.
 * Undefined when that is this machine.
 *
 * @param targets the folder of the factory's targets
 */
export async function otherMachineOfTarget(targets: string): Promise<string | undefined> {
  await mkdir(targets, { recursive: true, mode: 0o700 });
  const file = join(targets, 'local.machine');
  await writeFile(file, hostname(), { flag: 'wx', mode: 0o600 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  const machine = await readFile(file, 'utf8');
  return machine === hostname() ? undefined : machine;
}

/** The refusal on every other machine. */
export const targetElsewhere = (machine: string): ToolError =>
  new ToolError(
    'UPSTREAM',
    `The local target of this factory belongs to the machine ${machine}; this server runs on ${hostname()}.`,
    'Say so with task_block; a human has the host of this agent use the server on that machine.',
    { rule: 'target.elsewhere' },
  );
