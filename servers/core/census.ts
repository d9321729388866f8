import { createHash } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { replaceFile } from './files.ts';
import { readPrivateFile } from './signing/private_file.ts';
import { identify } from './target/local/processes.ts';
import { VERSION } from './version.ts';

const entrySchema = z.strictObject({
  kind: z.enum(['daemon', 'stdio']),
  /** Process id and start time: together they name one process and no later one. */
  pid: z.int().positive(),
  start: z.string().max(100),
  /** Where the process id means anything: a home may be shared by several machines. */
  machine: z.string().max(300),
  /** Milliseconds since 1970. */
  since: z.int(),
  version: z.string().max(50),
  /** A daemon: where it listens, without a path. */
  url: z.url().max(300).optional(),
  /** A stdio server: for whom, as which session, and by which way it reaches the factory. */
  agent: z.string().max(100).optional(),
  session: z.string().max(100).optional(),
  way: z.enum(['daemon', 'store']).optional(),
});

/** One process of a factory, as it wrote itself down in the factory's home. */
export type Listed = z.output<typeof entrySchema>;
/** `runs` is undefined for a process of another machine: from here nobody can tell. */
export type ListedProcess = Listed & { readonly file: string; readonly runs: boolean | undefined };

const LARGEST_ENTRY = 4096;

/** The folder in which the processes of a factory list themselves. */
export const listFolder = (home: string) => join(home, 'processes');

/**
 * Writes this process down in a 0600 file of the factory's home; what it said before is replaced. Returns how to
 * remove it. A process that dies before leaves a file that `listedProcesses` shows as not running.
 */
export async function enlist(
  home: string,
  about: Pick<Listed, 'kind' | 'url' | 'agent' | 'session' | 'way'>,
): Promise<() => Promise<void>> {
  const self = await identify(process.pid);
  if (!self) throw new Error('This process does not find itself in the process table.');
  const machine = hostname();
  const folder = listFolder(home);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, `${about.kind}-${machineMark(machine)}-${self.pid}.json`);
  const entry: Listed = { ...self, ...about, machine, since: Date.now(), version: VERSION };
  await replaceFile(file, JSON.stringify(entry));
  return () => rm(file, { force: true });
}

/** All that is written down in a home, newest first; a file that others can write or that says nonsense is left out. */
export async function listedProcesses(home: string): Promise<ListedProcess[]> {
  const folder = listFolder(home);
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.json'));
  const all = await Promise.all(names.map((name) => readEntry(join(folder, name))));
  return all.filter((entry) => entry !== undefined).sort((a, b) => b.since - a.since);
}

async function readEntry(file: string): Promise<ListedProcess | undefined> {
  const text = await readPrivateFile(file, LARGEST_ENTRY).catch(() => '');
  const parsed = entrySchema.safeParse(parse(text));
  if (!parsed.success) return undefined;
  const { pid, start, machine } = parsed.data;
  const runs = machine === hostname() ? (await identify(pid))?.start === start : undefined;
  return { ...parsed.data, file, runs };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** How the name of a folder for one piece of work begins: it says which process works there. */
export const roomPrefix = (kind: 'run' | 'probe') => `${kind}-${machineMark(hostname())}-${process.pid}-`;

/** The same below the system's folder for temporary files. */
export const temporaryPrefix = (kind: 'run' | 'probe') => `millwright-${roomPrefix(kind)}`;

/** The folders below `folder` that a process of this machine left when it died. */
export async function abandonedRooms(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  const abandoned = await Promise.all(
    names.map(async (name) => {
      const [, machine, pid] = ROOM.exec(name) ?? [];
      return machine === machineMark(hostname()) && (await identify(Number(pid))) === null;
    }),
  );
  return names.filter((_, at) => abandoned[at]).map((name) => join(folder, name));
}

const ROOM = /^(?:millwright-)?(?:run|probe)-([0-9a-f]{8})-(\d+)-[A-Za-z0-9]{6}$/;

const machineMark = (machine: string) => createHash('sha256').update(machine).digest('hex').slice(0, 8);
