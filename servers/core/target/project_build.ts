import { mkdir, readdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { ToolError } from '../errors.ts';
import { exists } from '../files.ts';
import type { Layer, Sandbox, SandboxLimits } from '../sandbox/sandbox.ts';
import { invalidCheckout, readPlainFile } from './checkout_files.ts';
import type { WorkerSource } from './worker_config.ts';

/** What a product makes of its sources before its Worker is bundled; `shown` is how a person would type it. */
export interface ProjectBuild {
  shown: string;
  command: [string, ...string[]];
}

/** Said instead of a script's name: nothing of the project is run. */
export const NO_BUILD = 'none';

const BUILD_MS = 300_000;
/** Bundlers start a thread per core, each with a heap that is reserved before it is used. */
const BUILD_DATA_BYTES = 8 * 1024 ** 3;
const MAX_PACKAGE_BYTES = 1_000_000;
const SCRIPT = /^[A-Za-z0-9][\w:.-]{0,60}$/;
/** Its config is meant for what its own build makes of it. */
const BUILDS_ITSELF = '@cloudflare/vite-plugin';

/**
 * What is run before a checkout is bundled, or null. A choice names a script of package.json or `none`. Without one it
 * is the Worker config's `build.command`, else the script `build` where the commit can't be served without: its main
 * file or its assets are not in it, or it is built by Cloudflare's plugin for Vite.
 *
 * Throws INVALID_INPUT with rule `release.config` for a choice that package.json does not have.
 */
export async function projectBuildOf(
  checkout: string,
  source: WorkerSource,
  choice?: string,
): Promise<ProjectBuild | null> {
  if (choice === NO_BUILD) return null;
  if (choice === undefined && source.build !== null) return ofConfig(source.build);
  const { scripts, packages } = await packageOf(checkout);
  if (choice !== undefined) {
    if (SCRIPT.test(choice) && scripts.includes(choice)) return ofScript(choice);
    const known = scripts.filter((script) => SCRIPT.test(script)).slice(0, 10);
    throw invalidCheckout(
      `package.json has no script ${JSON.stringify(choice.slice(0, 60))}${known.length > 0 ? `; it has ${known.join(', ')}` : ''}.`,
    );
  }
  const needed = packages.includes(BUILDS_ITSELF) || (await isIncomplete(checkout, source));
  return needed && scripts.includes('build') ? ofScript('build') : null;
}

/**
 * Runs a product's build in the sandbox: no network, no secret, nothing of the server's environment. What it leaves
 * stays in the checkout. Throws GATE_CLOSED with rule `release.build` when it fails; what it said is the `cause`.
 */
export async function runProjectBuild(
  sandbox: Sandbox,
  checkout: string,
  { shown, command }: ProjectBuild,
  { layers = [], limits }: { layers?: readonly Layer[]; limits?: Partial<SandboxLimits> },
): Promise<string> {
  if (sandbox.enforced.files === 'allow-list') await linkDependencies(checkout, layers);
  const result = await sandbox.run({
    command,
    work: checkout,
    layers,
    limits: { wallMs: BUILD_MS, dataBytes: BUILD_DATA_BYTES, ...limits },
  });
  const log = plainText(`${result.stdout}\n${result.stderr}`);
  if (result.exit === 0) return log;
  const end = result.killedBy ? `was ended by the limit on ${result.killedBy}` : `ended with ${result.exit}`;
  throw new ToolError(
    'GATE_CLOSED',
    `The Worker can't be released: its build \`${shown}\` ${end}.`,
    'Run the build in a fresh clone after npm ci and without network, correct it and submit again.',
    { rule: 'release.build', cause: new Error(log) },
  );
}

/** Without terminal sequences, which tools print even when told not to. */
export const plainText = (text: string): string => text.replace(/\u001b\[[0-9;]*m/g, '').trim();

/** Whether a checkout names dependencies, and nothing to install them from. */
export async function lacksLockfile(checkout: string): Promise<boolean> {
  const { packages } = await packageOf(checkout);
  return packages.length > 0 && !(await exists(join(checkout, 'package-lock.json')));
}

const ofScript = (script: string): ProjectBuild => ({
  shown: `npm run ${script}`,
  command: ['npm', 'run', script],
});

/** As wrangler runs it: by a shell, with the programs of the dependencies on the path. */
const ofConfig = (command: string): ProjectBuild => ({
  shown: command,
  command: ['sh', '-c', 'PATH="$PWD/node_modules/.bin:$PATH"; export PATH; eval "$1"', 'sh', command],
});

async function packageOf(checkout: string): Promise<{ scripts: string[]; packages: string[] }> {
  if (!(await readdir(checkout)).includes('package.json')) return { scripts: [], packages: [] };
  const text = (await readPlainFile(checkout, 'package.json', MAX_PACKAGE_BYTES)).toString();
  const { scripts, dependencies, devDependencies } = parsed(text);
  return {
    scripts: Object.keys(scripts ?? {}),
    packages: Object.keys({ ...dependencies, ...devDependencies }),
  };
}

function parsed(text: string): Partial<Record<'scripts' | 'dependencies' | 'devDependencies', object>> {
  try {
    return (JSON.parse(text) as object | null) ?? {};
  } catch {
    throw invalidCheckout('package.json is not valid JSON.');
  }
}

async function isIncomplete(checkout: string, { config, assets }: WorkerSource): Promise<boolean> {
  const named = [config.main, assets ?? ''].filter((path) => path !== '');
  if (config.assets && assets === null) return true;
  const there = await Promise.all(named.map((path) => exists(join(checkout, path))));
  return there.includes(false);
}

/**
 * A folder `node_modules` of the checkout's own, with a link to each dependency: tools look for one beside package.json
 * and write their caches there, and the layer can't be written to. One that was committed is left as it is.
 */
async function linkDependencies(checkout: string, layers: readonly Layer[]): Promise<void> {
  const layer = layers.find(({ at }) => at === '/node_modules');
  const folder = join(checkout, 'node_modules');
  if (!layer || (await exists(folder))) return;
  await mkdir(folder);
  for (const name of await readdir(layer.from))
    await symlink(`../../node_modules/${name}`, join(folder, name));
}
