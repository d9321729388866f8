import { readdir, readFile } from 'node:fs/promises';

/** A process that can't be mistaken for another: ids are used again, but not with the same start. */
export interface ProcessId {
  pid: number;
  start: string;
}

/** A running process as the system shows it; `owner` is the value of MILLWRIGHT_RUNTIME in its environment. */
interface RunningProcess extends ProcessId {
  parent: number;
  owner: string | null;
}

/** The environment variable that marks a workerd with the runtime that started it. */
export const OWNER_VARIABLE = 'MILLWRIGHT_RUNTIME';

/** The identity of a process, or null when it has ended (a zombie has). */
export async function identify(pid: number): Promise<ProcessId | null> {
  if (process.platform !== 'linux') return (await listWithPs()).find((one) => one.pid === pid) ?? null;
  const found = await readStat(pid);
  return found && { pid, start: found.start };
}

/** Whether exactly this process still runs, and not just one with its number. */
export async function isRunning({ pid, start }: ProcessId): Promise<boolean> {
  return (await identify(pid))?.start === start;
}

/** The processes that this user can see. On systems without /proc `owner` is always null. */
export async function listProcesses(): Promise<RunningProcess[]> {
  if (process.platform !== 'linux') return listWithPs();
  const pids = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry)).map(Number);
  const all = await Promise.all(pids.map(readProcess));
  return all.filter((one) => one !== null);
}

async function readProcess(pid: number): Promise<RunningProcess | null> {
  const stat = await readStat(pid);
  if (!stat) return null;
  const environment = await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '');
  const entry = environment.split('\0').find((line) => line.startsWith(`${OWNER_VARIABLE}=`));
  return { pid, ...stat, owner: entry?.slice(OWNER_VARIABLE.length + 1) ?? null };
}

/** Fields 3, 4 and 22 of proc_pid_stat(5); the name before them may itself hold spaces and brackets. */
async function readStat(pid: number): Promise<{ parent: number; start: string } | null> {
  const text = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => null);
  if (text === null) return null;
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  if (fields[0] === 'Z' || fields[0] === 'X') return null;
  return { parent: Number(fields[1]), start: `${await bootId()}-${fields[19]}` };
}

let boot: Promise<string> | undefined;

function bootId(): Promise<string> {
  boot ??= readFile('/proc/sys/kernel/random/boot_id', 'latin1').then((text) => text.slice(0, 8));
  return boot;
}

async function listWithPs(): Promise<RunningProcess[]> {
  const { execa } = await import('execa');
  const { stdout } = await execa('ps', ['-axo', 'pid=,ppid=,stat=,lstart='], { timeout: 5_000 });
  return stdout.split('\n').flatMap((line) => {
    const [pid, parent, state, ...start] = line.trim().split(/\s+/);
    if (state === undefined || state.startsWith('Z')) return [];
    return [{ pid: Number(pid), parent: Number(parent), start: start.join(' '), owner: null }];
  });
}
