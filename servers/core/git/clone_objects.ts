import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inFolder, inside, namesIn, openIn, type RealFolder } from '../real_folder.ts';
import { notAClone } from './clone-shape.ts';
import { GitRefusal } from './git.ts';
import { tooLarge } from './limits.ts';

/** All objects of a clone, mainline's own among them. */
const MOST_BYTES = 4_000_000_000;

export interface CloneSource {
  clone: string;
  commit: string;
  /** Only files of this user are read; without it, whoever's they are. */
  uid: number | undefined;
  timeMs: number;
}

interface Copying extends CloneSource {
  until: number;
  bytes: number;
}

/**
 * Makes a bare repository at `target` out of copies of a clone's objects, with `commit` as its only reference.
 * Nothing else of the clone is read, and no symbolic link in it is followed, not even one that an agent swaps in
 * meanwhile (see {@link inFolder}).
 *
 * Throws GitRefusal `git.not-a-clone` for links and what changes meanwhile, `git.too-large` for size and time.
 */
export async function copyClone(target: string, source: CloneSource): Promise<void> {
  const objects = join(target, 'objects');
  await mkdir(join(objects, 'pack'), { recursive: true });
  await mkdir(join(target, 'refs', 'heads'), { recursive: true });
  await writeFile(join(target, 'HEAD'), 'ref: refs/heads/tip\n');
  await writeFile(join(target, 'refs', 'heads', 'tip'), `${source.commit}\n`);
  const copying = { ...source, until: performance.now() + source.timeMs, bytes: 0 };
  try {
    await inFolder(source.clone, (clone) =>
      inside(clone, '.git', (gitDir) =>
        inside(gitDir, 'objects', (from) => copyObjects(copying, from, objects)),
      ),
    );
  } catch (error) {
    if (error instanceof GitRefusal) throw error;
    throw notAClone('The clone changed while it was read.', error);
  }
}

async function copyObjects(copying: Copying, from: RealFolder, target: string): Promise<void> {
  for (const name of await namesIn(from)) {
    if (name === 'pack') {
      await inside(from, name, (packs) =>
        copyFiles(copying, packs, join(target, name), /^pack-[0-9a-f]{40}\.(pack|idx)$/),
      );
    } else if (/^[0-9a-f]{2}$/.test(name)) {
      await mkdir(join(target, name));
      await inside(from, name, (loose) => copyFiles(copying, loose, join(target, name), /^[0-9a-f]{38}$/));
    }
  }
}

async function copyFiles(copying: Copying, from: RealFolder, target: string, names: RegExp): Promise<void> {
  for (const name of (await namesIn(from)).filter((one) => names.test(one))) {
    if (performance.now() > copying.until) throw tooLarge('The commit took too long to take in.');
    const file = await openIn(from, name);
    try {
      const stat = await file.stat();
      if (!stat.isFile()) throw notAClone("The clone's objects are not all real files.");
      if (copying.uid !== undefined && stat.uid !== copying.uid) continue;
      copying.bytes += stat.size;
      if (copying.bytes > MOST_BYTES) throw tooLarge(`The clone has more than ${MOST_BYTES} bytes.`);
      await copyFile(`/dev/fd/${file.fd}`, join(target, name));
    } finally {
      await file.close();
    }
  }
}
