import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as z from 'zod';
import { ToolError } from '../../errors.ts';
import { canonicalJson } from '../../signing/canonical.ts';
import { createPrivateFile } from '../../signing/private_file.ts';
import { checkBundle } from '../digest.ts';
import { checkName, checkVersion } from '../names.ts';
import type { WorkerVersion } from '../target.ts';
import { readState } from './files.ts';

const manifestSchema = z.strictObject({
  product: z.string(),
  version: z.string(),
  bundle: z.string().regex(/^[0-9a-f]{64}$/),
  files: z.array(z.string()),
  config: z.strictObject({
    name: z.string(),
    main: z.string(),
    compatibilityDate: z.string(),
    compatibilityFlags: z.array(z.string()),
    d1: z.array(z.strictObject({ binding: z.string(), database: z.string() })),
    kv: z.array(z.strictObject({ binding: z.string(), namespace: z.string() })).default([]),
    r2: z.array(z.strictObject({ binding: z.string(), bucket: z.string() })).default([]),
    queues: z
      .strictObject({
        producers: z.array(z.strictObject({ binding: z.string(), queue: z.string() })),
        consumers: z.array(z.strictObject({ queue: z.string(), maxBatchSize: z.int().exactOptional() })),
      })
      .default({ producers: [], consumers: [] }),
    crons: z.array(z.string()).default([]),
    durableObjects: z
      .array(z.strictObject({ binding: z.string(), className: z.string(), sqlite: z.boolean() }))
      .default([]),
    assets: z
      .strictObject({
        binding: z.string().exactOptional(),
        notFound: z.enum(['none', '404-page', 'single-page-application']),
        runWorkerFirst: z.boolean(),
      })
      .nullable()
      .default(null),
    secrets: z.array(z.string()).default([]),
    vars: z.record(z.string(), z.string()),
    modules: z.record(z.string(), z.enum(['Text', 'Data', 'CompiledWasm'])).exactOptional(),
  }),
  migrations: z.array(z.strictObject({ database: z.string(), name: z.string(), sql: z.string() })),
  secrets: z.record(z.string(), z.string()).default({}),
});

/**
 * Stores a version: its files once per digest, its manifest once per name. Repeating the same upload changes
 * nothing. Throws INVALID_INPUT for files that don't hash to `bundle`, CONFLICT when the name has other content.
 */
export async function storeVersion(dir: string, version: WorkerVersion): Promise<void> {
  checkBundle(version);
  const path = manifestPath(dir, version.product, version.version);
  await storeFiles(join(dir, 'bundles', version.bundle), version.files);
  const text = canonicalJson({ ...version, files: version.files.map((file) => file.path).sort() });
  manifestSchema.parse(JSON.parse(text));
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  if (await createPrivateFile(path, text)) return;
  if ((await readState(path))?.toString() === text) return;
  throw new ToolError(
    'CONFLICT',
    `Version ${version.version} of ${version.product} was uploaded before with other content.`,
    'Cut a release with a new version; an uploaded version never changes.',
  );
}

/** Reads a version back and checks its bytes again. Throws NOT_FOUND if it was never uploaded. */
export async function loadVersion(dir: string, product: string, version: string): Promise<WorkerVersion> {
  const text = await readState(manifestPath(dir, product, version));
  if (!text) {
    throw new ToolError(
      'NOT_FOUND',
      `There is no version ${version} of ${product} at this target.`,
      'Call release_cut first; release_list names the versions that exist.',
    );
  }
  const manifest = manifestSchema.parse(JSON.parse(text.toString()));
  const folder = join(dir, 'bundles', manifest.bundle);
  const files = await Promise.all(
    manifest.files.map(async (path) => ({ path, bytes: await readFile(folder, path) })),
  );
  const loaded = { ...manifest, files };
  checkBundle(loaded);
  return loaded;
}

async function storeFiles(folder: string, files: WorkerVersion['files']): Promise<void> {
  const draft = `${folder}.${randomUUID()}.draft`;
  try {
    for (const { path, bytes } of files) {
      await mkdir(dirname(join(draft, path)), { recursive: true, mode: 0o700 });
      await writeFile(join(draft, path), bytes, { flag: 'wx', mode: 0o600, flush: true });
    }
    await rename(draft, folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

async function readFile(folder: string, path: string): Promise<Uint8Array> {
  const bytes = await readState(join(folder, path));
  if (!bytes) throw new Error(`the file ${path} is missing from ${folder}`);
  return bytes;
}

const manifestPath = (dir: string, product: string, version: string) =>
  join(dir, 'versions', checkName(product), `${checkVersion(version)}.json`);
