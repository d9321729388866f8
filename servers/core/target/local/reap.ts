import { createHash } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { absent } from './files.ts';
import { identify, isRunning, listProcesses, type ProcessId } from './processes.ts';
import { readRuntimeInfo } from './runtime_info.ts';

const PATIENCE_MS = 5_000;

/** What marks the workerd processes of one runtime: which state folder, and which process started them. */
export async function ownerMark(dir: string, { pid, start }: ProcessId): Promise<string> {
  return `${await folderMark(dir)}:${pid}:${start}`;
}

/**
 * Ends workerd processes whose runtime died without ending them (SIGKILL), and returns their process ids.
 *
 * A process is killed only if it is provably of this state folder and its runtime is gone: by the mark in its
 * environment where the system shows it, else by the recorded process id together with its start time.
 */
export async function reapLocalRuntime(dir: string): Promise<number[]> {
  const orphans = await findOrphans(dir);
  const killed: number[] = [];
  for (const orphan of orphans) {
    if (await kill(orphan)) killed.push(orphan.pid);
  }
  return killed;
}

/** Asks exactly this process to end, and kills it if it does not within five seconds. */
export async function stop(target: ProcessId): Promise<void> {
  if (await signal(target, 'SIGTERM')) await ended(target).catch(() => kill(target));
}

/** Kills exactly this process and waits until it has ended. Returns false when it had ended before. */
async function kill(target: ProcessId): Promise<boolean> {
  const sent = await signal(target, 'SIGKILL');
  if (sent) await ended(target);
  return sent;
}

async function signal(target: ProcessId, name: NodeJS.Signals): Promise<boolean> {
  if (!(await isRunning(target))) return false;
  try {
    return process.kill(target.pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

/** Resolves when a process has ended; throws if it has not after `patience` milliseconds. */
export async function ended(target: ProcessId, patience = PATIENCE_MS): Promise<void> {
  const deadline = performance.now() + patience;
  while (await isRunning(target)) {
    if (performance.now() > deadline) throw new Error(`process ${target.pid} does not end`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function findOrphans(dir: string): Promise<ProcessId[]> {
  const mark = await folderMark(dir).catch(absent);
  if (mark === null) return [];
  const orphans: ProcessId[] = [];
  for (const { pid, start, owner } of await listProcesses()) {
    if (owner?.startsWith(`${mark}:`) && !(await ownerRuns(owner))) orphans.push({ pid, start });
  }
  const info = await readRuntimeInfo(dir);
  if (!info || (await isRunning(info))) return orphans;
  const known = new Set(orphans.map(({ pid }) => pid));
  return [...orphans, ...info.workerd.filter(({ pid }) => !known.has(pid))];
}

async function ownerRuns(owner: string): Promise<boolean> {
  const [, pid, start] = owner.split(':');
  return (await identify(Number(pid)))?.start === start;
}

/** The part of the mark that stands for the state folder. */
export async function folderMark(dir: string): Promise<string> {
  return createHash('sha256')
    .update(await realpath(dir))
    .digest('hex')
    .slice(0, 16);
}
