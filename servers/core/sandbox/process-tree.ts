import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** What /proc tells of one process. */
interface ProcessRow {
  readonly pid: number;
  readonly state: string;
  readonly parent: number;
}

/**
 * Kills a pid namespace from outside through the process (`unshare`, `bwrap`) that waits for its first
 * process: that one is killed, the kernel takes the rest, and the waiting process ends only then.
 *
 * The wrapper is stopped first so that it can't fork between the look and the blow.
 */
export async function killNamespace(wrapper: number, hasEnded: () => boolean): Promise<void> {
  while (!hasEnded()) {
    send(wrapper, 'SIGSTOP');
    await stopped(wrapper, hasEnded);
    const first = processes().filter((row) => row.parent === wrapper && row.state !== 'Z');
    if (first.length === 0) send(wrapper, 'SIGKILL');
    for (const { pid } of first) send(pid, 'SIGKILL');
    send(wrapper, 'SIGCONT');
    await untilEnded(hasEnded, 50);
  }
}

/** Kills every process that carries `mark` in its environment, and the process group of `leader`. */
export async function killMarked(leader: number, mark: string): Promise<void> {
  for (let round = 0; round < 100; round++) {
    send(-leader, 'SIGKILL');
    const marked = processes().filter(({ pid, state }) => state !== 'Z' && environment(pid).includes(mark));
    if (marked.length === 0) return;
    for (const { pid } of marked) send(pid, 'SIGKILL');
    await sleep(10);
  }
}

/** Waits until no process of user `uid` is left, calling `kill` in between. */
export async function killUser(uid: number, kill: () => Promise<unknown>): Promise<void> {
  for (let round = 0; round < 200; round++) {
    if (processesOf(uid).length === 0) return;
    await kill();
    await sleep(10);
  }
}

/** The process ids of user `uid`, by its real, effective or saved id; the dead ones left out. */
export const processesOf = (uid: number): number[] =>
  processes().flatMap(({ pid, state }) => (state !== 'Z' && usersOf(pid).includes(uid) ? [pid] : []));

async function stopped(pid: number, hasEnded: () => boolean): Promise<void> {
  for (let round = 0; round < 100 && !hasEnded(); round++) {
    const state = processRow(pid)?.state;
    if (state === undefined || state === 'T' || state === 'Z') return;
    await sleep(1);
  }
}

async function untilEnded(hasEnded: () => boolean, ms: number): Promise<void> {
  for (let waited = 0; waited < ms && !hasEnded(); waited += 2) await sleep(2);
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Empty on a system without /proc. */
function processes(): ProcessRow[] {
  if (!existsSync('/proc/self')) return [];
  return readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? (processRow(Number(name)) ?? []) : []));
}

function processRow(pid: number): ProcessRow | undefined {
  const stat = readProc(pid, 'stat');
  const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return state && parent ? { pid, state, parent: Number(parent) } : undefined;
}

const environment = (pid: number): string => readProc(pid, 'environ');
const usersOf = (pid: number): number[] =>
  /^Uid:([\s\d]+)$/m.exec(readProc(pid, 'status'))?.[1]?.trim().split(/\s+/).map(Number) ?? [];

/** Empty if the process ended meanwhile or is not ours to read. */
function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return '';
  }
}
