import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { hostileProjects } from '../corpus/corpus.ts';

interface Listening {
  /** The ports that are watched: those that were free. */
  open: number[];
  /** The ports that somebody called. */
  called(): number[];
  close(): Promise<void>;
}

/** Listens on the ports of loopback that a hostile project tries, those that are free, and remembers who was called. */
export async function listening(): Promise<Listening> {
  const called = new Set<number>();
  const servers: Server[] = [];
  const open: number[] = [];
  for (const port of await triedPorts()) {
    const server = createServer((socket) => {
      called.add(port);
      socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n').on('error', () => undefined);
    });
    const isOpen = await new Promise<boolean>((done) => {
      server.once('error', () => done(false)).listen(port, '127.0.0.1', () => done(true));
    });
    if (!isOpen) continue;
    servers.push(server);
    open.push(port);
  }
  if (servers.length === 0)
    throw new Error('None of the ports that a hostile project tries is free to be watched.');
  return {
    open,
    called: () => [...called],
    async close() {
      await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
    },
  };
}

async function triedPorts(): Promise<number[]> {
  const files = (await hostileProjects()).map(({ dir }) => join(dir, 'ports.json'));
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '[]')));
  return texts.flatMap((text) => JSON.parse(text) as number[]);
}

/** A secret in the environment of the command and one in a folder as a factory's state has; neither may come out. */
export async function canary(room: string) {
  const word = `canary${randomBytes(8).toString('hex')}`;
  const state = join(room, `millwright-${word}`);
  await mkdir(state);
  await writeFile(join(state, 'factory.sqlite'), word);
  return {
    env: { DEPLOY_TOKEN: word },
    /** Which of these texts or folders has it. */
    async seenIn(places: readonly string[]): Promise<string[]> {
      const texts = await Promise.all(places.map(textOf));
      return texts.some((text) => text.includes(word)) ? ['the canary'] : [];
    },
  };
}

/** All text of a folder, or the text itself where it names none. */
async function textOf(place: string): Promise<string> {
  const entries = await readdir(place, { recursive: true, withFileTypes: true }).catch(() => undefined);
  if (!entries) return place;
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return (await Promise.all(files.map((file) => readFile(file, 'latin1')))).join('\n');
}

/** Where a file of this name lies outside of the project: the home, the temporary folders, /etc, or the given ones. */
export async function leftFiles(name: string, folders: readonly string[]): Promise<string[]> {
  const places = [homedir(), tmpdir(), '/tmp', '/var/tmp', '/etc', ...folders];
  const there = await Promise.all(
    [...new Set(places)].map(async (folder) => {
      const names: string[] = await readdir(folder).catch(() => []);
      return names.includes(name) ? [join(folder, name)] : [];
    }),
  );
  return there.flat();
}

/** Which of these words stand in the command line of a process of this machine. Nothing where there is no /proc. */
export async function leftProcesses(words: readonly string[]): Promise<string[]> {
  const ids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(ids.map((id) => readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => '')));
  return words.filter((word) => lines.some((line) => line.split('\0').some((arg) => arg.endsWith(word))));
}

/** The most memory that a process held at once, as long as it is looked at. */
export function peakMemory() {
  let peak = 0;
  return {
    watch(pid: number) {
      const timer = setInterval(async () => {
        const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => undefined);
        if (status === undefined) return clearInterval(timer);
        peak = Math.max(peak, Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1_024);
      }, 500);
      timer.unref();
    },
    peak: () => peak,
  };
}
