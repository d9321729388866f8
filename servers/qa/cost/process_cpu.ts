import { readdir, readFile } from 'node:fs/promises';

/** Milliseconds of a clock tick: USER_HZ is 100 on every Linux that Node runs on. */
const TICK_MS = 10;

/** CPU time of a process so far, user and system, in milliseconds, to 10 ms; undefined where /proc does not tell. */
export async function cpuOf(pid: number): Promise<number | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  // The name of the program, in parentheses, may hold anything.
  const cells = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [user, system] = [cells?.[11], cells?.[12]].map(Number);
  return user === undefined || system === undefined || Number.isNaN(user + system)
    ? undefined
    : (user + system) * TICK_MS;
}

/** The processes of a name that this process started. */
export async function childrenNamed(name: string): Promise<number[]> {
  const pids = (await readdir('/proc').catch(() => [])).map(Number).filter(Number.isInteger);
  const found: number[] = [];
  for (const pid of pids) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    if (parent === process.pid && stat.includes(`(${name}`)) found.push(pid);
  }
  return found;
}
