import { readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { abandonedRooms, listedProcesses } from '../servers/core/census.ts';
import { removeRoom } from '../servers/core/clean_run.ts';
import { whoCalls } from '../servers/core/identity.ts';
import type { Services } from '../servers/core/services.ts';
import { runtimeHolder } from '../servers/core/target/local/claim.ts';
import { identify, listProcesses, type ProcessId } from '../servers/core/target/local/processes.ts';
import { folderMark, reapLocalRuntime, stop } from '../servers/core/target/local/reap.ts';
import { type Finding, fault, note, ok } from './doctor/finding.ts';
import { EXIT } from './failures.ts';
import { halfDone } from './half_done.ts';
import { minuteOf } from './io.ts';

/** A process that runs for a factory. */
interface Running {
  readonly kind: 'daemon' | 'stdio' | 'runtime';
  readonly pid: number;
  /** Milliseconds since 1970; unknown of a local runtime. */
  readonly since?: number;
  /** Set when it runs on another machine, where only its own word stands for it. */
  readonly machine?: string;
  readonly url?: string | undefined;
  readonly agent?: string | undefined;
  readonly session?: string | undefined;
  readonly way?: 'daemon' | 'store' | undefined;
}

/** What nothing ends or removes any more, and how to. */
interface Leftover {
  readonly kind: 'process' | 'workerd' | 'folder' | 'draft' | 'entry';
  readonly pid?: number;
  readonly path?: string;
  readonly says: string;
  readonly remove: () => Promise<unknown>;
}

export interface Census {
  readonly processes: readonly Running[];
  readonly leftovers: readonly Leftover[];
}

/** Which processes of this factory run, and what dead ones left. PostgreSQL's own processes are none of them. */
export async function takeCensus(services: Services): Promise<Census> {
  const parts = await Promise.all([fleet(services), runtimes(services), rooms(services)]);
  return {
    processes: parts.flatMap(({ processes }) => processes),
    leftovers: parts.flatMap(({ leftovers }) => leftovers),
  };
}

/** Removes every leftover; each is looked at again before it is touched. */
export async function removeLeftovers({ leftovers }: Census): Promise<void> {
  for (const { remove } of leftovers) await remove();
}

export function censusFindings({ processes, leftovers }: Census): Finding[] {
  const remedy = 'Run `millwright doctor --clean`.';
  const found = leftovers.map(({ kind, says }) =>
    kind === 'entry' ? note('processes', says, remedy) : fault('processes', says, remedy, EXIT.failed),
  );
  if (processes.length === 0) return [ok('processes', 'none runs'), ...found];
  return [...processes.map((one) => ok('processes', described(one))), ...found];
}

/** The same for --json. */
export const censusValue = ({ processes, leftovers }: Census) => ({
  processes: processes.map((one) => ({ ...one, since: one.since && new Date(one.since).toISOString() })),
  leftovers: leftovers.map(({ remove: _, ...one }) => ({
    ...one,
    remedy: 'Run `millwright doctor --clean`.',
  })),
});

function described({ kind, pid, since, machine, url, agent, session, way }: Running): string {
  const what = {
    daemon: `daemon at ${url}`,
    stdio: `stdio server of ${agent}, session ${session}, over the ${way}`,
    runtime: 'local Workers runtime',
  }[kind];
  const place = machine === undefined ? '' : ` on ${machine}`;
  return `${pid}${place}: ${what}${since === undefined ? '' : `, since ${minuteOf(since)}`}`;
}

/** Daemons and stdio servers, by what they wrote down. */
async function fleet(services: Services): Promise<Census> {
  const processes: Running[] = [];
  const leftovers: Leftover[] = [];
  for (const entry of await listedProcesses(services.paths.home)) {
    const { kind, pid, start, since, machine, url, agent, session, way, runs, file } = entry;
    if (runs === false) {
      const says = `${file} is of a process ${pid} that ended without removing it`;
      leftovers.push({ kind: 'entry', path: file, says, remove: () => rm(file, { force: true }) });
      continue;
    }
    const about = { kind, pid, since, url, agent, session, way };
    processes.push(runs === undefined ? { ...about, machine } : about);
    if (runs && session !== undefined && !(await lives(services, session))) {
      const says = `${pid} serves ${agent} in a session that has ended`;
      leftovers.push({ kind: 'process', pid, says, remove: () => stop({ pid, start }) });
    }
  }
  return { processes, leftovers };
}

const lives = (services: Services, session: string) =>
  whoCalls(services.store.db, session, services.clock.now()).then(
    ({ refusal }) => refusal === undefined,
    () => false,
  );

/** Runtimes of the local target, and workerds whose runtime is dead. */
async function runtimes({ paths }: Services): Promise<Census> {
  const names = await readdir(paths.targets).catch(() => []);
  const processes: Running[] = [];
  const leftovers: Leftover[] = [];
  for (const folder of names.map((name) => join(paths.targets, name))) {
    const holder = await runtimeHolder(folder);
    if (holder) processes.push({ kind: 'runtime', pid: holder.pid });
    for (const { pid } of await orphans(folder)) {
      const says = `workerd ${pid} was left by a dead runtime`;
      leftovers.push({ kind: 'workerd', pid, says, remove: () => reapLocalRuntime(folder) });
    }
  }
  return { processes, leftovers };
}

async function orphans(folder: string): Promise<ProcessId[]> {
  const mark = await folderMark(folder);
  const found: ProcessId[] = [];
  for (const { pid, start, owner } of await listProcesses()) {
    const [of, owning, since] = owner?.split(':') ?? [];
    if (of === mark && (await identify(Number(owning)))?.start !== since) found.push({ pid, start });
  }
  return found;
}

async function rooms({ paths, clock }: Services): Promise<Census> {
  const folders = await Promise.all([paths.work, tmpdir()].map(abandonedRooms));
  const dead = folders.flat().map(
    (path): Leftover => ({
      kind: 'folder',
      path,
      says: `${path} was left by a process that died in its work`,
      remove: () => removeRoom(path),
    }),
  );
  const drafts = (await halfDone(paths, clock.now())).map(
    (path): Leftover => ({
      kind: 'draft',
      path,
      says: `${path} was begun over an hour ago and never finished`,
      remove: () => rm(path, { recursive: true, force: true }),
    }),
  );
  return { processes: [], leftovers: [...dead, ...drafts] };
}
