import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { replaceFile } from '../../../servers/core/files.ts';
import type { Ran } from './command.ts';
import type { HostileScore } from './hostile.ts';

const DIST = fileURLToPath(new URL('../../../dist', import.meta.url));

/** Where results lie unless the command line says otherwise: no part of the project, and gone with its packages. */
export const RESULTS = fileURLToPath(
  new URL('../../../node_modules/.cache/millwright-recall.json', import.meta.url),
);

/** What one entry of the corpus ended with, and what it was run on. */
export interface Kept<T> {
  /** Digest of the command as it was built. */
  build: string;
  /** Digest of the entry's own files, without what is expected of it. */
  source: string;
  /** How often it was run on this build; a second try is said to be one. */
  tries: number;
  ended: T;
}

/** What was run last of each entry, by id. What it scores is counted anew each time, so places can be judged again. */
export interface Results {
  cases: Record<string, Kept<Omit<Ran, 'output'>>>;
  hostile: Record<string, Kept<HostileScore>>;
}

/** The results of a file; none when there is no such file, or it is none of ours. */
export async function readResults(path: string): Promise<Results> {
  const empty: Results = { cases: {}, hostile: {} };
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return empty;
  try {
    return { ...empty, ...JSON.parse(text) };
  } catch {
    return empty;
  }
}

/** Writes them as a whole, so that a run that is killed keeps what it had. */
export async function writeResults(path: string, results: Results): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await replaceFile(path, `${JSON.stringify(results)}\n`);
}

/** What is now kept of an entry that was run: a try more where neither build nor entry changed. */
export function kept<T>(before: Kept<T> | undefined, now: Omit<Kept<T>, 'tries'>): Kept<T> {
  const again = before?.build === now.build && before.source === now.source;
  return { ...now, tries: again ? before.tries + 1 : 1 };
}

/** Digest of the built command. */
export const buildDigest = (): Promise<string> => digestOf(DIST, []);

/** Digest of an entry: its product, its auth file, its parent commit. */
export const sourceDigest = ({ dir }: { dir: string }): Promise<string> => digestOf(dir, ['case.yaml']);

async function digestOf(folder: string, without: readonly string[]): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && !without.includes(entry.name));
  const paths = files.map((entry) => join(entry.parentPath, entry.name)).sort();
  const hash = createHash('sha256');
  for (const path of paths) hash.update(`${path.slice(folder.length)}\0`).update(await readFile(path));
  return hash.digest('hex').slice(0, 16);
}
