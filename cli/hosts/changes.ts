import { mkdir, mkdtemp, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';

/** What becomes of one file; undefined stands for no file. */
export interface FileChange {
  readonly path: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
  /** For a file that holds secrets of the person: what is said in place of the difference. */
  readonly says?: string;
}

export const readText = (path: string): Promise<string | undefined> =>
  readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw error;
  });

/** Only what differs. */
export const realChanges = (changes: readonly FileChange[]) =>
  changes.filter(({ before, after }) => before !== after);

/** Writes each file whole, under its final name only when it is complete; removes folders that removal left empty. */
export async function applyChanges(changes: readonly FileChange[]): Promise<void> {
  for (const { path, after, says } of realChanges(changes)) {
    if (after === undefined) {
      await rm(path, { force: true });
      await removeEmpty(dirname(path));
      continue;
    }
    await mkdir(dirname(path), { recursive: true });
    const draft = `${path}.${process.pid}.draft`;
    await writeFile(draft, after, { mode: says === undefined ? 0o644 : 0o600 });
    await rename(draft, path);
  }
}

/** Only folders of hosts: an empty folder of the person's stays. */
async function removeEmpty(folder: string): Promise<void> {
  if (!/\/\.(claude|codex|agents)(\/|$)/.test(folder)) return;
  const isGone = await rmdir(folder).then(
    () => true,
    () => false,
  );
  if (isGone) await removeEmpty(dirname(folder));
}

/** The difference of each file, in the unified form. */
export async function difference(changes: readonly FileChange[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'millwright-diff-'));
  try {
    const parts: string[] = [];
    for (const change of realChanges(changes)) parts.push(await differenceOf(folder, change));
    return parts.join('\n');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function differenceOf(folder: string, { path, before, after, says }: FileChange): Promise<string> {
  const head = `--- ${before === undefined ? '/dev/null' : path}\n+++ ${after === undefined ? '/dev/null' : path}`;
  if (says !== undefined) return `${head}\n${says.replace(/^/gm, '+ ')}\n`;
  const files = [join(folder, 'before'), join(folder, 'after')];
  await writeFile(files[0] ?? '', before ?? '');
  await writeFile(files[1] ?? '', after ?? '');
  const args = ['diff', '--no-index', '--no-color', '--no-ext-diff', '--', ...files];
  const { stdout } = await execa('git', args, { reject: false, env: { GIT_CONFIG_GLOBAL: '/dev/null' } });
  const hunks = stdout.slice(Math.max(0, stdout.indexOf('@@')));
  return `${head}\n${hunks}\n`;
}
