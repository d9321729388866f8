import { createHash, type KeyObject } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import * as z from 'zod';
import { canonicalJson } from '../servers/core/signing/canonical.ts';
import { type SshPublicKey, signSsh, verifySsh } from '../servers/core/signing/sshsig.ts';
import { NAME } from './factories.ts';

/** SSHSIG namespace of the factory key's signature over what a backup holds. */
const NAMESPACE = 'millwright-backup';
const LARGEST = 4_000_000;

/** Where things lie in a backup; as in a factory's folder, where they come from there. */
export const PARTS = {
  manifest: 'backup.json',
  store: 'store.sqlite',
  mainline: 'mainline.bundle',
  head: 'head.json',
  key: 'keys/factory_key.pem',
} as const;

/** The folders of a factory's home of which every file is kept, at most one folder deep. */
export const FOLDERS = ['pipelines', 'prompts', 'souls', 'heads', 'memory'] as const;

/** No path in a backup leads out of it, or to a place that nothing in a backup has. */
const PATH =
  /^(?:store\.sqlite|mainline\.bundle|head\.json|product\.json|factory\.yaml|factory_key\.pub|keys\/factory_key\.pem|(?:pipelines|prompts|souls|heads|memory)(?:\/[A-Za-z0-9][A-Za-z0-9._-]{0,99}){1,2})$/;

/** Whether a file of a factory's home can be in a backup. */
export const canKeep = (path: string): boolean => PATH.test(path);

const manifestSchema = z.strictObject({
  format: z.literal(1),
  factory: z.string().regex(NAME),
  millwright: z.string().max(40),
  at: z.int().min(0),
  files: z.record(
    z.string().regex(PATH),
    z.strictObject({ size: z.int().min(0), sha256: z.string().regex(/^[0-9a-f]{64}$/) }),
  ),
});
const fileSchema = z.strictObject({ manifest: manifestSchema, signature: z.string().max(4096) });

/** What a backup holds: every file but the manifest itself, by size and SHA-256; times in milliseconds since 1970. */
export type Manifest = z.output<typeof manifestSchema>;

/** The text of the manifest of all files in `folder`, with the factory key's SSHSIG over its canonical JSON. */
export async function signManifest(
  folder: string,
  about: Pick<Manifest, 'factory' | 'millwright' | 'at'>,
  key: KeyObject,
): Promise<string> {
  const manifest = manifestSchema.parse({ format: 1, ...about, files: await filesIn(folder) });
  return `${canonicalJson({ manifest, signature: signSsh(canonicalJson(manifest), key, NAMESPACE) })}\n`;
}

/** Reads a manifest's text, whoever signed it. Throws for a text that is none. */
export function parseManifest(text: string): Manifest {
  return parse(text).manifest;
}

/** Throws SigningError unless `key` signed the manifest. */
export function verifyManifest(text: string, key: SshPublicKey): void {
  const { manifest, signature } = parse(text);
  verifySsh(canonicalJson(manifest), signature, { namespace: NAMESPACE, keys: [key] });
}

/** The files of a backup that are not as the manifest says: changed, missing, or not named in it. */
export async function changedFiles(folder: string, { files }: Manifest): Promise<string[]> {
  const found = await filesIn(folder);
  const all = [...new Set([...Object.keys(files), ...Object.keys(found)])].sort();
  return all.filter((path) => files[path]?.sha256 !== found[path]?.sha256);
}

async function filesIn(folder: string): Promise<Manifest['files']> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files: Manifest['files'] = {};
  for (const entry of entries.filter((one) => !one.isDirectory())) {
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(join(folder, '/').length);
    if (name === PARTS.manifest) continue;
    // A link leads to what is not in the backup: it is as good as a changed file.
    files[name] = entry.isFile() ? await digestOf(path) : { size: 0, sha256: '0'.repeat(64) };
  }
  return files;
}

async function digestOf(path: string) {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return { size: (await stat(path)).size, sha256: hash.digest('hex') };
}

function parse(text: string): z.output<typeof fileSchema> {
  try {
    if (text.length > LARGEST) throw new Error('too long');
    return fileSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new Error(`${PARTS.manifest} is no manifest of a backup.`, { cause });
  }
}
