// Builds dist/ from the sources. Safe to run any number of times at once, and while built programs run: every
// file is renamed into place, shared chunks before the entries that name them, and old chunks stay for a while.
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');

/** Programs of the servers' own Node; they share chunks and load the rest on use. */
const PROGRAMS = {
  cli: 'cli/main.ts',
  mcp: 'cli/mcp.ts',
  runtime: 'servers/core/target/local/runtime.ts',
  bench: 'test/bench/main.ts',
};
/** Programs that stand alone, most of them carried into the sandbox: one file each. */
const SCRIPTS = {
  'qa-probe': 'servers/qa/probe/main.ts',
  'qa-pages': 'servers/qa/page/main.ts',
  'qa-start': 'servers/qa/product/main.ts',
  'qa-sources': 'servers/qa/sources/main.ts',
  'qa-suite': 'servers/qa/suite/inside.ts',
  'qa-tripwire': 'servers/qa/suite/tripwire.ts',
  'gate-consistency': 'servers/gates/machine/consistency_main.ts',
  'run-watchdog': 'hosts/run/watchdog.ts',
};
const OLD_CHUNK_MS = 3_600_000;
/** For a package: nothing of an earlier build stays. */
const isClean = process.argv.includes('--clean');

const common = {
  absWorkingDir: root,
  outdir: 'dist',
  write: false,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node22.12',
  // jsonc-parser's CommonJS form requires files by paths that a bundle does not have.
  mainFields: ['module', 'main'],
  external: [
    'better-sqlite3',
    'pg',
    'miniflare',
    'wrangler',
    'esbuild',
    'workerd',
    'node',
    'playwright-core',
    'axe-core',
    '@ast-grep/napi',
  ],
  // Packages in CommonJS ask for Node's own modules with require().
  banner: {
    js: "import { createRequire as requireFrom } from 'node:module';\nconst require = requireFrom(import.meta.url);",
  },
  logLevel: 'warning',
};

const outputs = await Promise.all([
  build({ ...common, entryPoints: existing(PROGRAMS), splitting: true, plugins: [staticFleet()] }),
  ...Object.entries(existing(SCRIPTS)).map(([name, source]) =>
    build({ ...common, entryPoints: { [name]: source } }),
  ),
]);
await publish(outputs.flatMap((output) => output.outputFiles));

function existing(entries) {
  return Object.fromEntries(Object.entries(entries).filter(([, source]) => existsSync(join(root, source))));
}

/** Puts static imports of every server's files in place of `loadServer`, so that adding a tool edits nothing. */
function staticFleet() {
  const namespace = 'fleet-server';
  return {
    name: 'static-fleet',
    setup(plugin) {
      plugin.onLoad({ filter: /\/servers\/fleet\.ts$/ }, async ({ path }) => {
        const source = await readFile(path, 'utf8');
        const start = source.indexOf('export async function loadServer(');
        const end = source.indexOf('\n}\n', start);
        if (start < 0 || end < 0) throw new Error(`${path} has no function loadServer`);
        const contents = source.slice(0, start) + (await loadServerSource()) + source.slice(end + 3);
        return { contents, loader: 'ts', resolveDir: dirname(path) };
      });
      plugin.onResolve({ filter: /^fleet-server:/ }, ({ path }) => ({ path: path.split(':')[1], namespace }));
      plugin.onLoad({ filter: /.*/, namespace }, async ({ path: name }) => {
        const folder = join(root, 'servers', name);
        const tools = (await toolFiles(name)).map((file, at) => `import tool${at} from './tools/${file}';`);
        const list = tools.map((_, at) => `tool${at}`).join(', ');
        const contents = `import server from './index.ts';\n${tools.join('\n')}\nexport default { ...server, tools: [${list}] };\n`;
        return { contents, loader: 'ts', resolveDir: folder };
      });
    },
  };
}

async function loadServerSource() {
  const folders = (await readdir(join(root, 'servers'))).sort();
  const servers = folders.filter((name) => existsSync(join(root, 'servers', name, 'index.ts')));
  const loaders = servers.map((name) => `  ${name}: () => import('fleet-server:${name}'),`);
  return `const LOADERS: Record<string, () => Promise<{ default: FleetServer }>> = {
${loaders.join('\n')}
};
export async function loadServer(name: ServerName): Promise<FleetServer> {
  const load = LOADERS[name];
  if (!load) throw new Error(\`The server \${name} is not part of this build.\`);
  return (await load()).default;
}
`;
}

async function toolFiles(server) {
  const files = await readdir(join(root, 'servers', server, 'tools')).catch(() => []);
  return files.filter((file) => file.endsWith('.ts')).sort();
}

async function publish(files) {
  await mkdir(dist, { recursive: true });
  const isEntry = ({ path }) => !basename(path).startsWith('chunk-') && !/-[A-Z0-9]{8}\.js$/.test(path);
  const chunks = files.filter((file) => !isEntry(file));
  await Promise.all(chunks.map(put));
  await Promise.all(files.filter(isEntry).map(put));
  await removeStale(new Set(files.map(({ path }) => basename(path))), isClean ? 0 : OLD_CHUNK_MS);
}

async function put({ path, contents }) {
  const present = await readFile(path).catch(() => undefined);
  if (present && Buffer.compare(present, contents) === 0) {
    const now = new Date();
    return utimes(path, now, now);
  }
  const draft = `${path}.${randomUUID()}.draft`;
  await writeFile(draft, contents);
  await rename(draft, path);
}

async function removeStale(current, olderThan) {
  for (const name of await readdir(dist)) {
    if (current.has(name)) continue;
    const path = join(dist, name);
    const info = await stat(path).catch(() => undefined);
    if (info && Date.now() - info.mtimeMs >= olderThan) await rm(path, { recursive: true, force: true });
  }
}
