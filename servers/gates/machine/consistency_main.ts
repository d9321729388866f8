/**
 * The consistency gate as a program, for the sandbox: reads the project in the working folder, prints one JSON
 * report on stdout. Runs nothing of the project. Exits 0 whenever a report was made.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join, posix, relative } from 'node:path';
import { build, type Message, type Plugin } from 'esbuild';
import { type ConsistencyReport, isSource, orphans, type SourceFile } from './consistency_graph.ts';

const SKIPPED = new Set(['node_modules', 'dist', 'build', 'out', 'coverage', 'vendor']);
const MAX_FILES = 20_000;
const MAX_BYTES = 1_000_000;
/** Texts in which a file can be named besides sources: manifests, pages, components, workflows. */
const MENTIONS = /\.(?:jsonc?|html?|ya?ml|toml|vue|svelte|astro|sh)$|^(?:Dockerfile|Makefile)$/;

const root = process.cwd();

async function listFiles(folder = '', found: string[] = []): Promise<string[]> {
  for (const entry of await readdir(join(root, folder), { withFileTypes: true })) {
    const path = posix.join(folder, entry.name);
    if (entry.isFile()) found.push(path);
    else if (entry.isDirectory() && !entry.name.startsWith('.') && !SKIPPED.has(entry.name))
      await listFiles(path, found);
    if (found.length > MAX_FILES) throw new Error(`The project has more than ${MAX_FILES} files.`);
  }
  return found;
}

async function readTexts(paths: readonly string[]): Promise<SourceFile[]> {
  const files: SourceFile[] = [];
  for (const path of paths) {
    const text = await readFile(join(root, path), 'utf8');
    if (text.length <= MAX_BYTES) files.push({ path, text });
  }
  return files;
}

/** Resolves relative imports as esbuild does and leaves packages alone; nothing is bundled. */
function relativeOnly(edges: Map<string, string[]>): Plugin {
  const seen = Symbol('seen');
  return {
    name: 'relative-only',
    setup({ onResolve, resolve }) {
      onResolve({ filter: /.*/ }, async (args) => {
        if (args.kind === 'entry-point' || args.pluginData === seen) return undefined;
        const path = args.path.replace(/[?#].*$/, '');
        const { importer, resolveDir, kind } = args;
        const found = await resolve(path, { importer, resolveDir, kind, pluginData: seen });
        const isBroken = /^\.{1,2}(?:\/|$)/.test(path) && found.errors.length > 0;
        if (isBroken) return { errors: [{ text: `nothing is at "${args.path.slice(0, 200)}"` }] };
        const target = found.errors.length === 0 && !found.external ? relative(root, found.path) : '..';
        if (!target.startsWith('..')) {
          const from = relative(root, importer);
          edges.set(from, [...(edges.get(from) ?? []), target]);
        }
        return { path: args.path, external: true };
      });
    },
  };
}

async function report(): Promise<ConsistencyReport> {
  const paths = await listFiles();
  const sources = paths.filter(isSource);
  if (sources.length === 0) return { files: 0, broken: [], orphans: [] };
  const edges = new Map<string, string[]>();
  const broken = await build({
    absWorkingDir: root,
    entryPoints: sources,
    bundle: true,
    write: false,
    outdir: 'out',
    format: 'esm',
    platform: 'node',
    jsx: 'preserve',
    logLevel: 'silent',
    logLimit: 0,
    // Imports that only types use would be dropped before they are looked up.
    tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true, experimentalDecorators: true } },
    plugins: [relativeOnly(edges)],
  }).then(
    () => [],
    (error: { errors?: Message[] }) => error.errors ?? Promise.reject(error),
  );
  const texts = await readTexts(
    paths.filter((path) => isSource(path) || MENTIONS.test(posix.basename(path))),
  );
  return {
    files: sources.length,
    broken: broken.map(({ location, text }) => `${location?.file ?? '?'}:${location?.line ?? 0}: ${text}`),
    orphans: orphans(texts, edges),
  };
}

process.stdout.write(`${JSON.stringify(await report())}\n`);
