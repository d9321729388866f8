import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createPrivateFile } from '../../signing/private_file.ts';
import { absent, readState } from './files.ts';
import { identify, isRunning, type ProcessId } from './processes.ts';

/**
 * Makes this process the one runtime of a state folder, or returns null because another runs.
 *
 * Claims are numbered files that name a process; the highest number counts. A claim whose process has ended is
 * followed by the next number, and link(2) lets one process take it. Nothing needs to be released, so nothing can
 * be left locked; only the winner removes older claims, and a latecomer that took a removed number sees a higher
 * one and gives way.
 */
export async function claimRuntime(dir: string): Promise<ProcessId | null> {
  const self = await identify(process.pid);
  if (!self) throw new Error('this process does not find itself in the process table');
  const folder = join(dir, 'claims');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const latest = await latestClaim(folder);
  if (latest.holder && (await isRunning(latest.holder))) return null;
  const mine = latest.number + 1;
  if (!(await createPrivateFile(join(folder, String(mine)), JSON.stringify(self)))) return null;
  const numbers = await claimNumbers(folder);
  if (Math.max(...numbers) !== mine) {
    await rm(join(folder, String(mine)), { force: true });
    return null;
  }
  await Promise.all(
    numbers
      .filter((number) => number < mine)
      .map((number) => rm(join(folder, String(number)), { force: true })),
  );
  return self;
}

/** The process that holds the claim and still runs, or null. */
export async function runtimeHolder(dir: string): Promise<ProcessId | null> {
  const { holder } = await latestClaim(join(dir, 'claims'));
  return holder && (await isRunning(holder)) ? holder : null;
}

async function latestClaim(folder: string): Promise<{ number: number; holder: ProcessId | null }> {
  const number = Math.max(0, ...(await claimNumbers(folder)));
  const text = number > 0 ? await readState(join(folder, String(number))) : null;
  return { number, holder: text && (JSON.parse(text.toString()) as ProcessId) };
}

async function claimNumbers(folder: string): Promise<number[]> {
  const entries = (await readdir(folder).catch(absent)) ?? [];
  return entries.filter((entry) => /^\d+$/.test(entry)).map(Number);
}
