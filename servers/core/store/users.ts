import { readdir, readlink, realpath } from 'node:fs/promises';
import { sql } from 'kysely';
import type { Db } from './store.ts';

/** The other processes of this machine that have a file open, as far as this user may see them; none without /proc. */
export async function processesWith(file: string): Promise<number[]> {
  const path = await realpath(file);
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name)).map(Number);
  const using = await Promise.all(pids.map(async (pid) => (await hasOpen(pid, path)) && pid));
  return using.filter((pid) => pid !== false && pid !== process.pid) as number[];
}

async function hasOpen(pid: number, path: string): Promise<boolean> {
  const folder = `/proc/${pid}/fd`;
  const files = await readdir(folder).catch(() => []);
  for (const name of files) {
    if ((await readlink(`${folder}/${name}`).catch(() => '')) === path) return true;
  }
  return false;
}

/** The connections to a PostgreSQL database besides those that call themselves `ours`, one line each. */
export async function connectionsBesides(db: Db, ours: string): Promise<string[]> {
  const { rows } = await sql<{ pid: number; name: string; address: string | null }>`
    select pid, application_name as name, host(client_addr) as address from pg_stat_activity
    where datname = current_database() and backend_type = 'client backend' and application_name <> ${ours}
    order by pid`.execute(db);
  return rows.map(
    ({ pid, name, address }) =>
      `connection ${pid}${name && ` (${name})`}${address ? ` from ${address}` : ''}`,
  );
}
