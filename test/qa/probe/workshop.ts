import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { type RunningProduct, startProduct } from '../../../servers/qa/product/worker.ts';

export const REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url));
export const PRODUCT = join(REPOSITORY, 'rehearsal/product');
const MODULES = join(REPOSITORY, 'node_modules');

export type Stage = 'base' | 'build-1' | 'build-2';
const LAYERS: Record<Stage, Stage[]> = {
  base: ['base'],
  'build-1': ['base', 'build-1'],
  'build-2': ['base', 'build-1', 'build-2'],
};

/** Every route, field, column and table of the product under another name; none of the new names says anything. */
const RENAMES: [RegExp, string][] = [
  [/\/api\/testimonials\b/g, '/x1/y2'],
  [/\/api\//g, '/x1/'],
  [/\btestimonials\b/g, 'r5'],
  [/\btestimonial\b/g, 't77'],
  [/\bauthor\b/g, 'a1'],
  [/\baffiliation\b/g, 'a2'],
  [/\bquote\b/g, 'a3'],
  [/\bconsent\b/g, 'a4'],
  [/\bcreated_at\b/g, 'c9'],
  [/\/wall\b/g, '/w9'],
  [/\/embed\b/g, '/e2'],
  [/\/widget\.js\b/g, '/k.js'],
  [/\/openapi\.json\b/g, '/zz9'],
  [/\/health\b/g, '/h0'],
];

/** A folder with the product as it stands after a stage; the caller removes it. */
export async function layOut(stage: Stage): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'millwright-product-'));
  for (const layer of LAYERS[stage]) await cp(join(PRODUCT, layer), dir, { recursive: true });
  // npm leaves a .gitignore out of a package, so it is kept under another name.
  await rename(join(dir, 'gitignore'), join(dir, '.gitignore'));
  await symlink(MODULES, join(dir, 'node_modules'));
  return dir;
}

/** Renames everything in a laid-out product; fails when a name was not there to rename. */
export async function renameAll(dir: string): Promise<void> {
  const unused = new Set(RENAMES.map(([name]) => String(name)));
  for (const folder of ['src', 'migrations']) {
    for (const file of await readdir(join(dir, folder))) {
      let text = await readFile(join(dir, folder, file), 'utf8');
      for (const [name, other] of RENAMES) {
        const renamed = text.replace(name, other);
        if (renamed !== text) unused.delete(String(name));
        text = renamed;
      }
      await writeFile(join(dir, folder, file), text);
    }
  }
  if (unused.size > 0) throw new Error(`Nothing to rename for ${[...unused].join(', ')}`);
}

/** Bundles a laid-out product in a fraction of the time that wrangler takes, and runs it. */
export async function run(dir: string): Promise<RunningProduct> {
  await mkdir(join(dir, 'dist'), { recursive: true });
  await build({
    entryPoints: [join(dir, 'src/index.ts')],
    outfile: join(dir, 'dist/index.js'),
    bundle: true,
    format: 'esm',
    logLevel: 'silent',
  });
  return startProduct(join(dir, 'dist'), config(dir));
}

export const config = (dir: string) => ({
  name: 'product',
  main: 'index.js',
  compatibilityDate: '2026-11-01',
  compatibilityFlags: [],
  vars: {},
  d1: ['DB'],
  migrationsDir: join(dir, 'migrations'),
});

/** A bundle of one module, and no database. */
export async function oneModule(source: string): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'millwright-bundle-'));
  await writeFile(join(dir, 'index.js'), source);
  return dir;
}

export const remove = (dir: string): Promise<void> => rm(dir, { recursive: true, force: true });

/** Serves on a free loopback port while `use` runs. */
export async function serving<T>(listener: RequestListener, use: (origin: string) => Promise<T>): Promise<T> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    return await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}
