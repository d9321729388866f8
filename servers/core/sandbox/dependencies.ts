import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readFile, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { exists } from '../files.ts';
import { WRAPPER_PATH } from './layout.ts';
import { readResult } from './result-file.ts';
import { type Sandbox, SandboxError, type SandboxRun } from './types.ts';

const MANIFESTS = ['package.json', 'package-lock.json'] as const;
const MAX_MANIFEST_BYTES = 20_000_000;
const MINUTES = 60_000;

/** Installed dependencies of one lockfile: mount `path` read-only at `/node_modules`. */
export interface DependencyLayer {
  /** SHA-256 in hex over platform, Node's native interface, package.json and package-lock.json. */
  readonly digest: string;
  readonly path: string;
}

/**
 * Installs what a lockfile names, once: `npm ci` without lifecycle scripts and with nothing but the registry
 * in reach, then `npm rebuild` for the scripts with no network at all. The finished folder appears in `store`
 * under its digest in one step; whoever comes second, in this process or another, gets the first one's.
 *
 * @param from.lockfileDir folder with package.json and package-lock.json; nothing else of it is used
 * @param from.store folder of the server in which layers are kept
 * @throws {SandboxError} if a manifest is missing or npm fails
 */
export function dependencyLayer(
  sandbox: Sandbox,
  from: { lockfileDir: string; store: string },
): Promise<DependencyLayer> {
  return layerOf(from, (temporary, manifests) => install(sandbox, temporary, manifests));
}

/**
 * Makes a layer without any network, from modules that are installed already: exactly the packages that the
 * lockfile names, each in the version it names. For machines that reach no registry.
 *
 * @param modules a `node_modules` folder
 * @throws {SandboxError} if a package is missing there, has another version, or lies outside `node_modules/`
 */
export function importLayer(
  modules: string,
  from: { lockfileDir: string; store: string },
): Promise<DependencyLayer> {
  return layerOf(from, async (temporary, manifests) => {
    const imported = join(temporary, 'node_modules');
    await mkdir(imported);
    for (const [name, version] of lockedPackages(manifests['package-lock.json'])) {
      await copyPackage(modules, imported, name, version);
    }
    return imported;
  });
}

/** The layer that is in `store` already, or the one that `make` leaves in a folder below a temporary one. */
async function layerOf(
  from: { lockfileDir: string; store: string },
  make: (temporary: string, manifests: Manifests) => Promise<string>,
): Promise<DependencyLayer> {
  const manifests = await readManifests(from.lockfileDir);
  await mkdir(from.store, { recursive: true, mode: 0o755 });
  const store = await realpath(from.store);
  const digest = digestOf(manifests);
  const path = join(store, digest);
  if (await exists(path)) return { digest, path };

  const temporary = await mkdtemp(join(store, '.making-'));
  try {
    const made = await make(temporary, manifests);
    const sealed = join(store, `.sealed-${digest}-${temporary.slice(-6)}`);
    await rename(made, sealed);
    await changeMode(sealed, 'a+rX,a-w');
    await publish(sealed, path);
    return { digest, path };
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

const PACKAGE_PATH = /^node_modules\/((?:@[a-z0-9][\w.-]*\/)?[a-z0-9][\w.-]*)$/i;

function lockedPackages(lockfile: Buffer): [name: string, version: string][] {
  const { packages = {} } = JSON.parse(lockfile.toString()) as {
    packages?: Record<string, { version?: string }>;
  };
  return Object.entries(packages)
    .filter(([path]) => path !== '')
    .map(([path, { version }]) => {
      const name = PACKAGE_PATH.exec(path)?.[1];
      if (!name || !version)
        throw new SandboxError(`The lockfile's "${path}" can't be imported; install it instead.`);
      return [name, version];
    });
}

async function copyPackage(modules: string, target: string, name: string, version: string): Promise<void> {
  const source = join(modules, name);
  const manifest = await readFile(join(source, 'package.json'), 'utf8').catch(() => '{}');
  const found = (JSON.parse(manifest) as { version?: string }).version;
  if (found !== version)
    throw new SandboxError(`${name} ${version} is needed; ${source} has ${found ?? 'nothing'}.`);
  await cp(source, join(target, name), { recursive: true });
}

type Manifests = Readonly<Record<(typeof MANIFESTS)[number], Buffer>>;

async function readManifests(folder: string): Promise<Manifests> {
  const [manifest, lockfile] = await Promise.all(
    MANIFESTS.map((name) => readResult(folder, name, MAX_MANIFEST_BYTES)),
  );
  if (!manifest || !lockfile) throw new SandboxError('package.json or package-lock.json is missing.');
  return { 'package.json': manifest, 'package-lock.json': lockfile };
}

function digestOf(manifests: Manifests): string {
  const hash = createHash('sha256').update(
    `${process.platform} ${process.arch} ${process.versions.modules}\n`,
  );
  for (const name of MANIFESTS) hash.update(`${name} ${manifests[name].length}\n`).update(manifests[name]);
  return hash.digest('hex');
}

/** Returns the folder of installed modules below `temporary`. */
async function install(sandbox: Sandbox, temporary: string, manifests: Manifests): Promise<string> {
  const work = join(temporary, 'job');
  await mkdir(join(work, 'node_modules'), { recursive: true });
  for (const name of MANIFESTS) await writeFile(join(work, name), manifests[name]);
  const npm = {
    work,
    env: { npm_config_cache: '/tmp/npm', npm_config_audit: 'false', npm_config_fund: 'false' },
  };
  const limits = { wallMs: 10 * MINUTES, tmpBytes: 2_000_000_000 };
  await succeed(sandbox, { ...npm, limits, network: 'registry', command: ['npm', 'ci', '--ignore-scripts'] });
  await mkdir(join(work, 'node_modules'), { recursive: true }); // npm removes it where nothing is to install
  await succeed(sandbox, { ...npm, limits, command: ['npm', 'rebuild'] });
  return join(work, 'node_modules');
}

async function succeed(sandbox: Sandbox, run: SandboxRun): Promise<void> {
  const result = await sandbox.run(run);
  if (result.exit === 0) return;
  const end = result.killedBy === null ? `exit code ${result.exit}` : `killed for ${result.killedBy}`;
  throw new SandboxError(`"${run.command.join(' ')}" failed (${end}): ${result.stderr.slice(-2000)}`);
}

/** Renames into place; if another has been first, the own copy goes. */
async function publish(sealed: string, path: string): Promise<void> {
  try {
    await rename(sealed, path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    await changeMode(sealed, 'u+w');
    await rm(sealed, { recursive: true, force: true });
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
  }
}

/** `chmod -R` never follows the symlinks it meets. */
const changeMode = (path: string, mode: string) =>
  execa('chmod', ['-R', mode, '--', path], { env: { PATH: WRAPPER_PATH }, extendEnv: false });
