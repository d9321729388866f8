import { posix } from 'node:path';

/** Reads a file of the commit, or of its parent; undefined when it is not there. */
export type ReadFile = (path: string) => string | undefined;

const LOCKFILES = ['package-lock.json', 'npm-shrinkwrap.json', 'pnpm-lock.yaml', 'yarn.lock', 'bun.lock'];
const NPM_LOCKFILES = LOCKFILES.slice(0, 2);
const KINDS = ['dependencies', 'devDependencies', 'optionalDependencies'] as const;
const EXACT = /^(?:npm:(?:@[\w.-]+\/)?[\w.-]+@)?\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/;

type Wanted = Record<string, string>;
type Manifest = Partial<Record<(typeof KINDS)[number], Wanted>>;
type Locked = Manifest & {
  version?: string;
  resolved?: string;
  integrity?: string;
  link?: boolean;
  inBundle?: boolean;
};

/**
 * What is loose in the dependencies that a change touches: versions that are not exact, a lockfile that is missing
 * or out of step, packages that are locked without a digest. Folders whose dependencies did not change are quiet.
 */
export function pinFaults(changed: readonly string[], now: ReadFile, before: ReadFile): string[] {
  const folders = new Set(changed.filter(isManifest).map((path) => posix.dirname(path)));
  return [...folders].flatMap((folder) => {
    const path = posix.join(folder, 'package.json');
    const text = now(path);
    if (text === undefined) return [];
    try {
      const lockfile = nearestLockfile(folder, now);
      const lockChanged = lockfile !== undefined && changed.includes(lockfile);
      const manifest = wantedIn(JSON.parse(text));
      if (!lockChanged && same(manifest, previous(before(path)))) return [];
      return [...looseVersions(path, manifest), ...lockFaults(folder, manifest, lockfile, now)];
    } catch (error) {
      if (error instanceof SyntaxError) return [`${path} or its lockfile is not JSON`];
      throw error;
    }
  });
}

const isManifest = (path: string) =>
  !path.split('/').includes('node_modules') && ['package.json', ...LOCKFILES].includes(posix.basename(path));

function previous(text: string | undefined): Wanted {
  try {
    return wantedIn(JSON.parse(text ?? '{}'));
  } catch {
    return {};
  }
}

/** All dependencies as one table: `kind name` to the version asked for. */
function wantedIn(manifest: unknown): Wanted {
  const given = (typeof manifest === 'object' && manifest !== null ? manifest : {}) as Manifest;
  const all = KINDS.flatMap((kind) =>
    Object.entries(given[kind] ?? {}).map(([name, version]) => [`${kind} ${name}`, String(version)]),
  );
  return Object.fromEntries(all) as Wanted;
}

const same = (a: Wanted, b: Wanted) =>
  Object.keys(a).length === Object.keys(b).length &&
  Object.entries(a).every(([key, value]) => b[key] === value);

function looseVersions(path: string, wanted: Wanted): string[] {
  return Object.entries(wanted)
    .filter(([, version]) => !EXACT.test(version) && !isOwn(posix.dirname(path), version))
    .map(([key, version]) => `${path}: ${key} asks for "${version.slice(0, 80)}", which is no exact version`);
}

/** A folder or an archive of the project itself: its version is the commit's. */
function isOwn(folder: string, version: string): boolean {
  if (version.startsWith('workspace:')) return true;
  const place = /^(?:file|link|portal):(.+)$/.exec(version)?.[1];
  return place !== undefined && !posix.isAbsolute(place) && !posix.join(folder, place).startsWith('..');
}

function nearestLockfile(folder: string, now: ReadFile): string | undefined {
  for (let at = folder; ; at = posix.dirname(at)) {
    const found = LOCKFILES.map((name) => posix.join(at, name)).find((path) => now(path) !== undefined);
    if (found !== undefined || at === '.') return found;
  }
}

function lockFaults(folder: string, wanted: Wanted, lockfile: string | undefined, now: ReadFile): string[] {
  if (lockfile === undefined)
    return Object.values(wanted).some((version) => !isOwn(folder, version))
      ? [`${posix.join(folder, 'package.json')} has no lockfile`]
      : [];
  if (!NPM_LOCKFILES.includes(posix.basename(lockfile))) return [];
  const { packages } = JSON.parse(now(lockfile) ?? '') as { packages?: Record<string, Locked> };
  if (!packages) return [`${lockfile} is older than npm 7`];
  const place = posix.relative(posix.dirname(lockfile), folder);
  const root = packages[place];
  const stale =
    !root || !same(wantedIn(root), wanted) ? [`${lockfile} is not in step with package.json`] : [];
  return [...stale, ...lockedOtherwise(lockfile, wanted, packages), ...withoutDigest(lockfile, packages)];
}

function lockedOtherwise(lockfile: string, wanted: Wanted, packages: Record<string, Locked>): string[] {
  return Object.entries(wanted).flatMap(([key, version]) => {
    const [kind, name = ''] = key.split(' ');
    const locked = packages[`node_modules/${name}`];
    if (!/^\d/.test(version) || locked?.link || (!locked && kind === 'optionalDependencies')) return [];
    return locked?.version === version ? [] : [`${lockfile} does not lock ${name} at ${version}`];
  });
}

function withoutDigest(lockfile: string, packages: Record<string, Locked>): string[] {
  return Object.entries(packages)
    .filter(([path, { link, inBundle, integrity, resolved = '' }]) => {
      const installed = path.split('/').includes('node_modules');
      const isOurs = resolved.startsWith('file:') && isOwn(posix.dirname(lockfile), resolved);
      return installed && !link && !inBundle && !isOurs && !integrity?.startsWith('sha');
    })
    .map(([path]) => `${lockfile} locks ${path} without a digest`);
}
