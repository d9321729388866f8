import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { replaceFile } from '../files.ts';
import type { Isolation, Sandbox } from '../sandbox/sandbox.ts';
import { canonicalJson, sha256Hex } from '../signing/canonical.ts';
import { bundleDigest } from './digest.ts';
import type { BundleFile } from './target.ts';

/**
 * What builds of one commit are kept under: the folder of all of them, its tree, the digest of its dependencies, and
 * what the project runs first.
 */
export interface KeptUnder {
  folder: string;
  tree: string;
  dependencies: string | null;
  command?: string;
}

/** What a build left, assets with it, and how it ran; `main` is its main module. */
export interface Build {
  main: string;
  files: BundleFile[];
  isolation: Isolation;
  engine: string;
  log: string;
}

const MOST = 20;
/** Of all builds together; the oldest go first. */
const MOST_BYTES = 400_000_000;

const build = z.strictObject({
  digest: z.string(),
  main: z.string(),
  isolation: z.enum(['full', 'partial', 'none']),
  engine: z.string(),
  log: z.string(),
  files: z.array(z.strictObject({ path: z.string(), base64: z.string() })),
});

const fileOf = (
  { folder, tree, dependencies, command }: KeptUnder,
  { isolation, engine }: Pick<Sandbox, 'isolation' | 'engine'>,
  builder: string,
) =>
  join(
    folder,
    `${sha256Hex(canonicalJson({ tree, dependencies, command: command ?? null, isolation, engine, builder }))}.json`,
  );

/**
 * What an earlier build of the same tree with the same dependencies, builder and isolation left; undefined when there
 * was none, or its bytes no longer have their digest. So what a gate has looked at is what is released, to the byte.
 */
export async function keptBuild(
  under: KeptUnder,
  sandbox: Pick<Sandbox, 'isolation' | 'engine'>,
  builder: string,
): Promise<Build | undefined> {
  const text = await readFile(fileOf(under, sandbox, builder), 'utf8').catch(() => undefined);
  const found = text === undefined ? undefined : build.safeParse(parsed(text)).data;
  if (!found) return undefined;
  const { digest, ...rest } = found;
  const files = found.files.map(({ path, base64 }) => ({ path, bytes: Buffer.from(base64, 'base64') }));
  return bundleDigest(files) === digest ? { ...rest, files } : undefined;
}

/** Keeps what a build left, beside the newest others. */
export async function keepBuild(
  under: KeptUnder,
  sandbox: Pick<Sandbox, 'isolation' | 'engine'>,
  builder: string,
  { main, files, isolation, engine, log }: Build,
): Promise<void> {
  await mkdir(under.folder, { recursive: true, mode: 0o700 });
  const encoded = files.map(({ path, bytes }) => ({ path, base64: Buffer.from(bytes).toString('base64') }));
  const text = JSON.stringify({ digest: bundleDigest(files), main, isolation, engine, log, files: encoded });
  await replaceFile(fileOf(under, sandbox, builder), text);
  await removeOldest(under.folder);
}

async function removeOldest(folder: string): Promise<void> {
  const names = await readdir(folder);
  const ages = await Promise.all(
    names.map(async (name) => {
      const found = await stat(join(folder, name)).catch(() => undefined);
      return { name, at: found?.mtimeMs ?? 0, bytes: found?.size ?? 0 };
    }),
  );
  let bytes = 0;
  const old = ages
    .sort((a, b) => b.at - a.at)
    .filter((one, at) => {
      bytes += one.bytes;
      return at > 0 && (at >= MOST || bytes > MOST_BYTES);
    });
  await Promise.all(old.map(({ name }) => rm(join(folder, name), { force: true })));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
