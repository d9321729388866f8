import { randomUUID } from 'node:crypto';
import { link, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { roleOf } from '../core/identity.ts';
import type { FactoryPaths } from '../core/paths.ts';
import { inFolder, openIn } from '../core/real_folder.ts';
import type { Services } from '../core/services.ts';
import { sha256Hex } from '../core/signing/canonical.ts';
import { lockInLine } from '../core/store/line.ts';
import { memoryText } from './memory_file.ts';
import { countLive, liveEntries, liveOfKind, renderedFile, saveRendered } from './queries.ts';
import { nothingTaken, type Taken, takeIn } from './take_in.ts';

/** A larger file is left as it is. */
const LARGEST_FILE = 1_000_000;
/** How often a rendering begins anew because somebody wrote meanwhile. */
const TRIES = 8;

/** A MEMORY.md that is not what Millwright writes, and that it therefore neither reads nor replaces. */
class MemoryFileFault extends Error {
  override readonly name = 'MemoryFileFault';
}

export const memoryFile = (paths: Pick<FactoryPaths, 'memory'>, agent: string) =>
  join(paths.memory, agent, 'MEMORY.md');

/**
 * Takes in what a hand changed in an agent's MEMORY.md, then renders it anew. Any number of processes may do this at
 * once: whoever renders last renders what the store holds then, and an edit saved meanwhile is taken in as well.
 * Throws `MemoryFileFault` when the file cannot be read or is none, and as the system does when it cannot be written.
 */
export async function syncMemory(services: Services, agent: string): Promise<Taken> {
  const path = memoryFile(services.paths, agent);
  const { factory } = await services.factory();
  const role = roleOf(factory, agent) ?? 'unknown';
  const all = nothingTaken();
  let found = await readMemoryFile(path);
  for (let tries = 0; tries < TRIES; tries++) {
    const given = found;
    const { taken, body } = await services.store.transaction(async (tx) => {
      const whose = { agent, role, now: services.clock.now() };
      await lockInLine(tx, `memory:${agent}`);
      const taken = given === undefined ? nothingTaken() : await takeIn(services.store, tx, whose, given);
      const entries = [
        ...(await liveOfKind(tx, agent, 'next')),
        ...(await liveEntries(tx, agent, factory.memory.lines)),
      ];
      const unique = [...new Map(entries.map((entry) => [entry.id, entry])).values()];
      const newestFirst = unique.sort((a, b) => b.recorded_at - a.recorded_at || b.id - a.id);
      const body = memoryText(agent, newestFirst, await countLive(tx, agent), factory.memory);
      await saveRendered(tx, { agent, body, digest: sha256Hex(body), rendered_at: whose.now });
      return { taken, body };
    });
    for (const name of ['added', 'changed', 'ended', 'conflicts'] as const) all[name].push(...taken[name]);
    const missed = given === body ? undefined : await replaceFile(path, body, given);
    const newest = await renderedFile(services.store.db, agent);
    if (missed === undefined && newest?.digest === sha256Hex(body)) return all;
    found = missed ?? (await readMemoryFile(path));
  }
  return all;
}

/** `syncMemory` for whoever has other work to do: what goes wrong with the file is logged, and `doctor` shows it. */
export async function renderMemory(services: Services, agent: string): Promise<void> {
  await syncMemory(services, agent).catch((error) => services.log(`MEMORY.md of ${agent}: ${String(error)}`));
}

/** Takes in a hand's edit if there is one; without one it costs a look at the file and at one row. */
export async function readBack(services: Services, agent: string): Promise<void> {
  const text = await readMemoryFile(memoryFile(services.paths, agent)).catch(() => undefined);
  if (text === undefined) return;
  const base = await renderedFile(services.store.db, agent);
  if (base?.digest !== sha256Hex(text)) await renderMemory(services, agent);
}

/** What is looked at is what is read; no symbolic link is followed, not even one swapped in meanwhile. */
const readPlainFile = (path: string): Promise<string> =>
  inFolder(dirname(path), async (folder) => {
    const file = await openIn(folder, basename(path));
    try {
      const info = await file.stat();
      if (!info.isFile()) throw new MemoryFileFault(`${path} is no plain file.`);
      if (info.size > LARGEST_FILE)
        throw new MemoryFileFault(`${path} is larger than ${LARGEST_FILE} bytes.`);
      return await file.readFile('utf8');
    } finally {
      await file.close();
    }
  });

/** The file's text; undefined when there is none. Throws `MemoryFileFault` for what is no plain file of sane size. */
export async function readMemoryFile(path: string): Promise<string | undefined> {
  try {
    return await readPlainFile(path);
  } catch (error) {
    if (error instanceof MemoryFileFault) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    if (code === 'ELOOP' || code === 'ENOTDIR') throw new MemoryFileFault(`${path} is no plain file.`);
    throw new MemoryFileFault(`${path} cannot be read (${code}).`, { cause: error });
  }
}

/**
 * Puts `body` in the file's place at once, for its owner only. Gives a text that somebody saved after `expected` was
 * read, and that must be taken in too; undefined when there is none.
 */
async function replaceFile(
  path: string,
  body: string,
  expected: string | undefined,
): Promise<string | undefined> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const id = randomUUID();
  const [draft, before] = [`${path}.${id}.draft`, `${path}.${id}.before`];
  await writeFile(draft, body, { mode: 0o600, flag: 'wx' });
  try {
    const now = await readMemoryFile(path);
    if (now !== undefined && now !== expected) return now;
    if (now !== undefined) await link(path, before).catch(() => {});
    await rename(draft, path);
    const replaced = await readMemoryFile(before);
    return replaced === expected ? undefined : replaced;
  } finally {
    await rm(draft, { force: true });
    await rm(before, { force: true });
  }
}
