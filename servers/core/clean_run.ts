import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { roomPrefix } from './census.ts';
import { ToolError } from './errors.ts';
import { openAuthority } from './git/authority.ts';
import { checkoutTree } from './git/checkout.ts';
import { treeOf } from './git/objects.ts';
import { dependencyLayer } from './sandbox/dependencies.ts';
import { WRAPPER_PATH } from './sandbox/layout.ts';
import { type Layer, readResult, type SandboxResult, type SandboxRun } from './sandbox/sandbox.ts';
import type { Services } from './services.ts';
import type { KeptUnder } from './target/kept_build.ts';

const LOCKFILE = 'package-lock.json';
const MAX_LOCKFILE_BYTES = 20_000_000;

/** One exact commit in a fresh folder of the server, with what it depends on beside it. */
export interface CleanCheckout {
  /** Throw-away folder with the committed bytes and no `.git`. */
  readonly folder: string;
  readonly tree: string;
  /** The dependency layer, at /node_modules; none when the lockfile lists no package. */
  readonly layers: readonly Layer[];
  /** Digest of the dependency layer, for the evidence. */
  readonly dependencies: string | null;
  /** What builds of this commit are kept under. */
  readonly kept: KeptUnder;
}

/** One command on one commit; the fields of a sandbox run mean what they mean there. */
export interface CleanRun
  extends Pick<SandboxRun, 'command' | 'env' | 'limits' | 'network' | 'layers' | 'signal' | 'input'> {
  readonly commit: string;
  /** Adds files of the server to the checkout before the run. */
  readonly prepare?: (folder: string) => Promise<void>;
}

export interface CleanRunResult extends SandboxResult {
  readonly tree: string;
  readonly dependencies: string | null;
}

/**
 * Checks one exact commit out of the authority into a new folder, gives it to `use` and removes it however `use`
 * ends. Dependencies are installed in the sandbox, once per lockfile; a layer that is there needs no network.
 *
 * Throws `GATE_CLOSED` with rule `dependencies.install` when the commit's lockfile can't be installed (what npm
 * said is the cause), and what git and the sandbox throw.
 */
export async function withCleanCheckout<T>(
  services: Pick<Services, 'paths' | 'sandbox'>,
  commit: string,
  use: (checkout: CleanCheckout) => Promise<T>,
): Promise<T> {
  const authority = await openAuthority(services.paths.git);
  const tree = await treeOf(authority, commit);
  await mkdir(services.paths.work, { recursive: true, mode: 0o700 });
  const room = await realpath(await mkdtemp(join(services.paths.work, roomPrefix('run'))));
  try {
    const folder = join(room, 'job');
    await checkoutTree(authority, commit, folder);
    const layer = await dependenciesOf(services, commit, folder);
    const kept = { folder: services.paths.builds, tree, dependencies: layer.dependencies };
    return await use({ folder, tree, ...layer, kept });
  } finally {
    await removeRoom(room);
  }
}

/**
 * Runs one command on a clean checkout of one exact commit, in the sandbox. A command that fails is a result, not
 * an error; throws as {@link withCleanCheckout} does.
 */
export async function runOnCommit(
  services: Pick<Services, 'paths' | 'sandbox'>,
  { commit, prepare, layers = [], ...run }: CleanRun,
): Promise<CleanRunResult> {
  const sandbox = await services.sandbox();
  return withCleanCheckout(services, commit, async (checkout) => {
    await prepare?.(checkout.folder);
    const result = await sandbox.run({
      ...run,
      work: checkout.folder,
      layers: [...checkout.layers, ...layers],
    });
    return { ...result, tree: checkout.tree, dependencies: checkout.dependencies };
  });
}

async function dependenciesOf(
  services: Pick<Services, 'paths' | 'sandbox'>,
  commit: string,
  folder: string,
): Promise<Pick<CleanCheckout, 'layers' | 'dependencies'>> {
  try {
    if (!(await listsPackages(folder))) return { layers: [], dependencies: null };
    const from = { lockfileDir: folder, store: services.paths.layers };
    const { digest, path } = await dependencyLayer(await services.sandbox(), from);
    return { layers: [{ from: path, at: '/node_modules' }], dependencies: digest };
  } catch (cause) {
    throw new ToolError(
      'GATE_CLOSED',
      `The dependencies of ${commit.slice(0, 12)} can't be installed from its ${LOCKFILE}.`,
      'Run npm ci in your clone, correct package.json and the lockfile, and submit again.',
      { rule: 'dependencies.install', cause },
    );
  }
}

async function listsPackages(folder: string): Promise<boolean> {
  const bytes = await readResult(folder, LOCKFILE, MAX_LOCKFILE_BYTES).catch((error: Error) => {
    if (error.message.includes('ENOENT')) return undefined;
    throw error;
  });
  if (!bytes) return false;
  const { packages } = JSON.parse(bytes.toString()) as { packages?: Record<string, unknown> };
  return Object.keys(packages ?? {}).some((path) => path !== '');
}

/** Removes a folder in which project code ran, whatever modes it left behind. */
export async function removeRoom(room: string): Promise<void> {
  try {
    await rm(room, { recursive: true, force: true });
  } catch {
    await execa('chmod', ['-R', 'u+rwX', '--', room], { env: { PATH: WRAPPER_PATH }, extendEnv: false });
    await rm(room, { recursive: true, force: true });
  }
}
