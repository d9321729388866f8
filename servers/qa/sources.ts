import { cp, readdir, readFile, stat } from 'node:fs/promises';
import { basename, join, posix } from 'node:path';
import { parse } from 'jsonc-parser';
import * as z from 'zod';

const LEFT_OUT = new Set([
  'node_modules',
  '.git',
  '.wrangler',
  '.millwright',
  '.cache',
  '.turbo',
  'millwright-qa',
]);
const PAGES = ['', 'public', 'dist', 'build', 'out', 'www', 'site'];
/** Keys of a Worker's config that do not change what runs on this machine. */
const WITHOUT_EFFECT = [
  ...[
    'env',
    'account_id',
    'route',
    'routes',
    'workers_dev',
    'preview_urls',
    'observability',
    'limits',
    'placement',
  ],
  ...['dev', 'triggers', 'minify', 'upload_source_maps', 'logpush', 'tail_consumers', 'send_metrics'],
];

const manifest = z.object({
  scripts: z.record(z.string(), z.string()).default({}),
  main: z.string().optional(),
  dependencies: z.record(z.string(), z.unknown()).default({}),
  devDependencies: z.record(z.string(), z.unknown()).default({}),
});

/** How a folder's product is started, as far as its files say. */
export type Plan =
  | { kind: 'worker'; config: string }
  /** `guessed`: no script names it; a library has such a file too. */
  | { kind: 'command'; command: string[]; build: boolean; guessed?: boolean }
  | { kind: 'static'; dir: string }
  | { kind: 'sources' };

/** Copies a folder without what is installed, built by tools or kept by git. The copy is ours to change. */
export const copySources = (from: string, to: string): Promise<void> =>
  cp(from, to, {
    recursive: true,
    verbatimSymlinks: true,
    filter: async (path) => {
      if (path !== from && LEFT_OUT.has(basename(path))) return false;
      const info = await stat(path).catch(() => undefined);
      return info === undefined || info.isFile() || info.isDirectory();
    },
  });

/** Reads how the product starts: a Worker's config first, then package.json, then pages. */
export async function planFor(folder: string): Promise<Plan> {
  const names = await readdir(folder);
  const config = ['wrangler.jsonc', 'wrangler.json'].find((name) => names.includes(name));
  if (config) return { kind: 'worker', config };
  const { scripts, main } = await manifestOf(folder);
  const script = ['start', 'serve', 'preview', 'dev'].find((name) => scripts[name]);
  if (script)
    return {
      kind: 'command',
      command: ['npm', 'run', '--silent', script],
      build: scripts['build'] !== undefined,
    };
  const entry = [main, 'server.js', 'server.mjs', 'server.ts', 'app.js', 'index.js'].find(
    (name) => name && names.includes(name),
  );
  if (entry && (await listens(folder, entry)))
    return { kind: 'command', command: ['node', entry], build: false, guessed: true };
  for (const dir of PAGES)
    if (await stat(join(folder, dir, 'index.html')).catch(() => undefined))
      return { kind: 'static', dir: dir || '.' };
  const [page] = names.filter((name) => name.endsWith('.html'));
  return page ? { kind: 'static', dir: '.' } : { kind: 'sources' };
}

/** Code that seems to listen on a port. */
export const LISTENS = /\.listen\s*\(|\b(?:Bun|Deno)\.serve\b|\bserve\s*\(/;
const OWN_MODULE = /(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire\s*\(\s*)["'](\.{1,2}\/[^"']+)["']/g;
const MOST_MODULES = 100;

/** Whether a file, or one of the project's own that it loads, seems to listen on a port. */
async function listens(folder: string, entry: string): Promise<boolean> {
  const seen = new Set<string>();
  const left = [posix.normalize(entry)];
  for (let path = left.pop(); path !== undefined && seen.size < MOST_MODULES; path = left.pop()) {
    if (seen.has(path) || path.startsWith('..')) continue;
    seen.add(path);
    const text = await sourceAt(folder, path);
    if (LISTENS.test(text)) return true;
    for (const [, name = ''] of text.matchAll(OWN_MODULE)) left.push(posix.join(posix.dirname(path), name));
  }
  return false;
}

async function sourceAt(folder: string, path: string): Promise<string> {
  for (const name of [path, `${path}.js`, `${path}.ts`, `${path}/index.js`]) {
    const text = await readFile(join(folder, name), 'utf8').catch(() => undefined);
    if (text !== undefined) return text.slice(0, 1_000_000);
  }
  return '';
}

export async function manifestOf(folder: string): Promise<z.output<typeof manifest>> {
  const text = await readFile(join(folder, 'package.json'), 'utf8').catch(() => '{}');
  try {
    return manifest.parse(JSON.parse(text));
  } catch {
    return manifest.parse({});
  }
}

/** A Worker's config without the keys that only matter where it is deployed; which they were. */
export function localConfig(text: string): { text: string; dropped: string[] } {
  const value: unknown = parse(text, [], { allowTrailingComma: true });
  if (typeof value !== 'object' || value === null) return { text, dropped: [] };
  const dropped = Object.keys(value).filter((key) => WITHOUT_EFFECT.includes(key));
  if (dropped.length === 0) return { text, dropped };
  const kept = Object.entries(value).filter(([key]) => !dropped.includes(key));
  return { text: JSON.stringify(Object.fromEntries(kept)), dropped };
}
