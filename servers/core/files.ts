import { randomUUID } from 'node:crypto';
import { access, open, rename, rm } from 'node:fs/promises';

/** Whether there is anything at a path that this process may see. */
export const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/**
 * Replaces a file as a whole, on disk, with mode 0600: a reader sees the old text or the new one, never a part. With
 * an owner it belongs to that one before it has its name.
 */
export async function replaceFile(
  path: string,
  data: string | Uint8Array,
  owner?: { uid: number; gid: number },
): Promise<void> {
  const draft = `${path}.${randomUUID()}.draft`;
  try {
    const file = await open(draft, 'wx', 0o600);
    try {
      await file.writeFile(data);
      if (owner) await file.chown(owner.uid, owner.gid);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } finally {
    await rm(draft, { force: true });
  }
}
