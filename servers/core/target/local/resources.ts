import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { createPrivateFile } from '../../signing/private_file.ts';
import { checkName } from '../names.ts';
import type { Resource, ResourceSpec } from '../target.ts';
import { absent, readState } from './files.ts';

const resourceSchema = z.strictObject({
  kind: z.enum(['d1', 'kv', 'r2', 'queue', 'worker']),
  name: z.string(),
  id: z.string(),
  createdAt: z.int(),
});

/** Every resource under a state folder, sorted by kind and name. */
export async function listResources(dir: string): Promise<Resource[]> {
  const files = (await readdir(join(dir, 'resources')).catch(absent)) ?? [];
  const resources = await Promise.all(
    files.filter((file) => file.endsWith('.json')).map((file) => readResource(join(dir, 'resources', file))),
  );
  return resources
    .filter((resource) => resource !== null)
    .sort((a, b) => (`${a.kind} ${a.name}` < `${b.kind} ${b.name}` ? -1 : 1));
}

/**
 * Creates a resource, or adopts the one of that kind and name. One file per resource, created by link(2): of many
 * processes at once one creates, without any lock that a crash could leave behind.
 */
export async function ensureResource(dir: string, { kind, name }: ResourceSpec) {
  const path = join(dir, 'resources', `${kind}-${checkName(name)}.json`);
  const found = await readResource(path);
  if (found) return { resource: found, created: false };
  await mkdir(join(dir, 'resources'), { recursive: true, mode: 0o700 });
  const draft: Resource = { kind, name, id: randomUUID(), createdAt: Date.now() };
  const created = await createPrivateFile(path, `${JSON.stringify(draft)}\n`);
  const resource = created ? draft : await readResource(path);
  if (!resource) throw new Error(`the resource file ${path} was removed while it was read`);
  return { resource, created };
}

/** Removes a resource and what it holds; one that is absent, or of that name with another id, is left. */
export async function removeResource(dir: string, { kind, name, id }: Resource): Promise<void> {
  const path = join(dir, 'resources', `${kind}-${checkName(name)}.json`);
  if ((await readResource(path))?.id !== id) return;
  await rm(path, { force: true });
}

async function readResource(path: string): Promise<Resource | null> {
  const bytes = await readState(path);
  return bytes && resourceSchema.parse(JSON.parse(bytes.toString()));
}
