import { mkdir, readdir, readFile, realpath, writeFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ToolError } from '../errors.ts';
import type { Isolation, Layer, Sandbox, SandboxLimits } from '../sandbox/sandbox.ts';
import { readAssets } from './assets_files.ts';
import { builtSource } from './built_source.ts';
import { invalidCheckout, readConfigText, readMigrations, readPlainFile } from './checkout_files.ts';
import {
  ASSETS,
  ASSETS_ONLY,
  bundleDigest,
  checkBundle,
  isPlainPath,
  MAX_BUNDLE_BYTES,
  MAX_BUNDLE_FILES,
} from './digest.ts';
import { type Build, type KeptUnder, keepBuild, keptBuild } from './kept_build.ts';
import {
  lacksLockfile,
  type ProjectBuild,
  plainText,
  projectBuildOf,
  runProjectBuild,
} from './project_build.ts';
import type { AssetsConfig, BundleFile, Migration, WorkerConfig } from './target.ts';
import { readWorkerConfig, type WorkerSource } from './worker_config.ts';

/** Folder of the build inside the checkout, made by the server; a checkout that brings its own is refused. */
const BUILD = '.millwright';
const WRANGLER_LAYER = '/millwright/node_modules';
const BUILD_MS = 60_000;

/** A Worker as it will be deployed. `config.main` names a file of the bundle; `log` is what wrangler said. */
export interface WorkerBundle {
  files: BundleFile[];
  digest: string;
  config: WorkerConfig;
  migrations: Migration[];
  /** What the project made of its sources first, as a person would type it. */
  build: string | null;
  isolation: Isolation;
  engine: string;
  log: string;
  ms: number;
}

/**
 * Builds the Worker of a clean checkout with the pinned wrangler, in the sandbox, without network or token.
 *
 * Where the product has a build of its own (`projectBuildOf`), that runs first, in the sandbox too, and what it makes
 * is bundled. wrangler runs `deploy --dry-run` on a config that the server generates from what `readWorkerConfig`
 * accepted of the commit; the project's own config is read as data and never given to wrangler. The checkout is a
 * throw-away folder: the build adds `.millwright/` to it. `layers` are the product's dependencies, at /node_modules;
 * where the sandbox runs as another user, they must be readable by all.
 *
 * The digest depends on sources, dependencies and what builds them only: source maps and wrangler's dated README are
 * left out. Throws INVALID_INPUT for a config or migration that can't be accepted, GATE_CLOSED when the build fails
 * (what it said is the message of its `cause`), and what the sandbox throws.
 */
export async function bundleWorker(
  sandbox: Sandbox,
  input: {
    checkout: string;
    layers?: readonly Layer[];
    limits?: Partial<SandboxLimits>;
    /** Given for a checkout of a commit: what was built of it once is not built again. */
    kept?: KeptUnder;
    /** The script of package.json that is run first, or `none`; left out, `projectBuildOf` says. */
    build?: string | undefined;
  },
): Promise<WorkerBundle> {
  const checkout = await realpath(input.checkout);
  const source = readWorkerConfig(await readConfigText(checkout));
  const migrations = await readMigrations(checkout, source);
  const project = await projectBuildOf(checkout, source, input.build);

  const begun = performance.now();
  const builder = await versionOfWrangler();
  const kept = input.kept && { ...input.kept, ...(project && { command: project.shown }) };
  const known = kept && (await keptBuild(kept, sandbox, builder));
  const built =
    known ??
    (await buildWhole(sandbox, { ...input, checkout, source, project }).catch(async (error: unknown) => {
      const failed = error instanceof ToolError && error.rule === 'release.build';
      throw failed && (await lacksLockfile(checkout)) ? withoutLockfile(error) : error;
    }));
  if (kept && !known) await keepBuild(kept, sandbox, builder, built);

  const { files, main, isolation, engine, log } = built;
  const config = { ...source.config, main, assets: source.config.assets ?? assetsIn(files) };
  const digest = bundleDigest(files);
  checkBundle({ bundle: digest, files, config });
  const ms = Math.round(performance.now() - begun);
  return { files, digest, config, migrations, build: project?.shown ?? null, isolation, engine, log, ms };
}

/** How assets are served that a build has made although the Worker config says nothing of them. */
const assetsIn = (files: readonly BundleFile[]): AssetsConfig | null =>
  files.some(({ path }) => path.startsWith(ASSETS)) ? { notFound: 'none', runWorkerFirst: false } : null;

type Whole = Pick<Parameters<typeof bundleWorker>[1], 'checkout' | 'layers' | 'limits'> & {
  source: WorkerSource;
  project: ProjectBuild | null;
};

/** The project's own build where it has one, then wrangler's, and the assets. */
async function buildWhole(sandbox: Sandbox, { checkout, source, project, ...run }: Whole): Promise<Build> {
  const said = project ? await runProjectBuild(sandbox, checkout, project, run) : '';
  const { main, assets } = project
    ? await builtSource(checkout, source)
    : { main: source.config.main, assets: source.assets };
  if (source.config.assets && assets === null)
    throw invalidCheckout('The Worker config names assets without a directory, and no build made one.');
  await writeBuildConfig(checkout, { ...source.config, main }, source.rules);
  const { files, isolation, engine, log } = await runWrangler(sandbox, checkout, run);
  const served = assets === null ? [] : await readAssets(checkout, assets, run.layers);
  return {
    main: mainModule(main || ASSETS_ONLY),
    files: [...files, ...served],
    isolation,
    engine,
    log: `${said}\n${log}`.trim(),
  };
}

async function runWrangler(
  sandbox: Sandbox,
  checkout: string,
  { layers = [], limits }: Pick<Whole, 'layers' | 'limits'>,
): Promise<Omit<Build, 'main'>> {
  const wrangler = wranglerFor(sandbox);
  const result = await sandbox.run({
    command: ['node', `${wrangler.modules}/wrangler/bin/wrangler.js`, ...WRANGLER_ARGUMENTS],
    work: checkout,
    cwd: BUILD,
    env: { WRANGLER_SEND_METRICS: 'false', WRANGLER_HIDE_BANNER: 'true', NO_COLOR: '1', CI: '1' },
    layers: [...wrangler.layers, ...layers],
    limits: { wallMs: BUILD_MS, ...limits },
  });
  const log = plainText(`${result.stdout}\n${result.stderr}`);
  if (result.exit !== 0) throw buildFailed(log, result.killedBy);
  const { isolation, engine } = result;
  return { files: await readOutput(checkout), isolation, engine, log };
}

/** A build is only as good as what made it: another version of wrangler builds anew. */
const versionOfWrangler = async (): Promise<string> =>
  (
    JSON.parse(await readFile(join(wranglerModules(), 'wrangler', 'package.json'), 'utf8')) as {
      version: string;
    }
  ).version;

const NOTHING_ELSE = "export default { fetch: () => new Response('Not found', { status: 404 }) };\n";

const WRANGLER_ARGUMENTS = ['deploy', '--dry-run', '--config', 'wrangler.json', '--outdir', 'out'];

/** Where a run finds wrangler: in a layer of its own, or, where nothing can be mounted, in place. */
function wranglerFor({ enforced }: Sandbox): { modules: string; layers: Layer[] } {
  const from = wranglerModules();
  if (enforced.files !== 'allow-list') return { modules: from, layers: [] };
  return { modules: WRANGLER_LAYER, layers: [{ from, at: WRANGLER_LAYER }] };
}

/** Our own node_modules: the nearest folder of that name that holds wrangler. */
function wranglerModules(): string {
  const entry = fileURLToPath(import.meta.resolve('wrangler'));
  const end = entry.lastIndexOf(`${sep}node_modules${sep}wrangler${sep}`);
  if (end === -1) throw new Error(`wrangler is not installed in a node_modules folder: ${entry}`);
  return join(entry.slice(0, end), 'node_modules');
}

async function writeBuildConfig(
  checkout: string,
  config: WorkerConfig,
  rules: WorkerSource['rules'],
): Promise<void> {
  const folder = join(checkout, BUILD);
  await mkdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EEXIST')
      throw invalidCheckout(`The repository must not contain ${BUILD}; it belongs to the build.`);
    throw error;
  });
  const generated = {
    name: config.name,
    main: config.main === '' ? ASSETS_ONLY : `../${config.main}`,
    compatibility_date: config.compatibilityDate,
    compatibility_flags: config.compatibilityFlags,
    durable_objects: {
      bindings: config.durableObjects.map(({ binding, className }) => ({
        name: binding,
        class_name: className,
      })),
    },
    d1_databases: config.d1.map(({ binding, database }) => ({
      binding,
      database_name: database,
      database_id: database,
    })),
    vars: config.vars,
    rules,
    send_metrics: false,
  };
  if (config.main === '') await writeFile(join(folder, ASSETS_ONLY), NOTHING_ELSE, { flag: 'wx' });
  await writeFile(join(folder, 'wrangler.json'), JSON.stringify(generated), { flag: 'wx' });
}

async function readOutput(checkout: string): Promise<BundleFile[]> {
  const out = join(checkout, BUILD, 'out');
  if ((await realpath(out)) !== out) throw invalidCheckout('The build left no plain folder.');
  const entries = await readdir(out, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(out, join(entry.parentPath, entry.name)))
    .filter((path) => path !== 'README.md' && !path.endsWith('.map'))
    .sort();
  if (paths.length > MAX_BUNDLE_FILES)
    throw invalidCheckout(`The bundle has more than ${MAX_BUNDLE_FILES} files.`);
  const files: BundleFile[] = [];
  let left = MAX_BUNDLE_BYTES;
  for (const path of paths) {
    if (!isPlainPath(path))
      throw invalidCheckout(`The bundle has a file with the name ${JSON.stringify(path)}.`);
    const bytes = await readPlainFile(checkout, `${BUILD}/out/${path}`, left);
    left -= bytes.byteLength;
    files.push({ path, bytes });
  }
  return files;
}

/** wrangler names the main module after its source. */
const mainModule = (source: string) => (source.split('/').at(-1) ?? source).replace(/\.[^.]+$/, '.js');

const withoutLockfile = (cause: unknown) =>
  invalidCheckout(
    'package.json names dependencies, and there is no package-lock.json to install them from; make it with npm install --package-lock-only and commit it.',
    cause,
  );

function buildFailed(log: string, killedBy: string | null): ToolError {
  const what = killedBy ? `its build was ended by the limit on ${killedBy}` : 'it does not build';
  return new ToolError(
    'GATE_CLOSED',
    `The Worker can't be released: ${what}.`,
    'Run the build in your clone, correct the sources and submit again.',
    { rule: 'release.build', cause: new Error(log) },
  );
}
