import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { FactoryPaths } from '../servers/core/paths.ts';

/** Nothing that is written beside its place, and no lock of git, is needed for so long. */
const LONGEST_MS = 3_600_000;

/** What is renamed or linked into its place, or removed, when it is done; paths begin in the factory's home. */
const PASSING = [
  /\.(draft|before)$/,
  /^scratch\/[^/]+$/,
  /^clones\/\.[^/]+$/,
  /^layers\/\.making-[^/]+$/,
  /^mainline\.git\/.*\.lock$/,
];
/** Folders that others fill: agents, project code, git and workerd. */
const OTHERS = [
  /^(clones|layers)\/[^/]+$/,
  /^work$/,
  /^mainline\.git\/objects$/,
  /^targets\/[^/]+\/(data|tmp)$/,
];

/**
 * Files and folders of a factory that a killed process, or git with it, left half done over an hour before `now`.
 * A lock among them stops every later update of its reference until it is removed.
 */
export async function halfDone({ home }: Pick<FactoryPaths, 'home'>, now: number): Promise<string[]> {
  const found: string[] = [];
  const look = async (folder: string): Promise<void> => {
    for (const entry of await readdir(join(home, folder), { withFileTypes: true }).catch(() => [])) {
      const path = join(folder, entry.name);
      if (PASSING.some((form) => form.test(path))) {
        if (await isOld(join(home, path), now)) found.push(join(home, path));
      } else if (entry.isDirectory() && !OTHERS.some((form) => form.test(path))) await look(path);
    }
  };
  await look('');
  return found.sort();
}

const isOld = (path: string, now: number) =>
  lstat(path).then(
    ({ mtimeMs }) => mtimeMs < now - LONGEST_MS,
    () => false,
  );
