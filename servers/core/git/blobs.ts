import { git, type Repo } from './git.ts';
import { commitId } from './objects.ts';

const MAX_BYTES = 200 * 2 ** 20;

/** The files of a commit: path to blob id. Submodules are left out. */
export async function filesOf(authority: Repo, commit: string): Promise<Map<string, string>> {
  const output = await git(authority, ['ls-tree', '-r', '-z', '--full-tree', commitId(commit)]);
  const entries = output.toString('utf8').split('\0').slice(0, -1);
  return new Map(
    entries.flatMap((entry): [string, string][] => {
      const [meta = '', path = ''] = entry.split('\t');
      const [, type, id = ''] = meta.split(' ');
      return type === 'blob' ? [[path, id]] : [];
    }),
  );
}

/** The contents of blobs by id, together at most 200 MiB (GitError beyond that). Ids that are zeros are left out. */
export async function readBlobs(authority: Repo, ids: readonly string[]): Promise<Map<string, Buffer>> {
  const wanted = [...new Set(ids)].filter((id) => !/^0+$/.test(id));
  const blobs = new Map<string, Buffer>();
  if (wanted.length === 0) return blobs;
  const input = wanted.map((id) => `${commitId(id)}\n`).join('');
  const output = await git(authority, ['cat-file', '--batch'], { input, maxBytes: MAX_BYTES });
  let at = 0;
  while (at < output.length) {
    const end = output.indexOf('\n', at);
    const [id = '', type, size] = output.toString('latin1', at, end).split(' ');
    if (type === undefined || size === undefined) throw new Error(`git has no object ${id}`);
    const start = end + 1;
    if (type === 'blob') blobs.set(id, output.subarray(start, start + Number(size)));
    at = start + Number(size) + 1;
  }
  return blobs;
}
