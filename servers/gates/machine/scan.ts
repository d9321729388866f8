import { filesOf, readBlobs } from '../../core/git/blobs.ts';
import { type Change, changes } from '../../core/git/changes.ts';
import type { Repo } from '../../core/git/git.ts';
import { pinFaults, type ReadFile } from '../../core/sources/pins.ts';
import { secretsAdded } from '../../core/sources/secrets.ts';
import { type Gate, readOnly } from './gate.ts';

const MANIFEST =
  /(?:^|\/)(?:package\.json|package-lock\.json|npm-shrinkwrap\.json|pnpm-lock\.yaml|yarn\.lock|bun\.lock)$/;
const SHOWN = 100;

/** `scan`: no credential is added, and dependencies that change are pinned and locked. */
export const scan: Gate = async ({ authority, parent, commit }) => {
  const changed = await changes(authority, parent, commit);
  const found = [
    ...(await secretFaults(authority, changed)),
    ...pinFaults(
      changed.map(({ path }) => path),
      await manifestsOf(authority, commit),
      await manifestsOf(authority, parent),
    ),
  ];
  const log = found.slice(0, SHOWN).join('\n');
  if (found.length > 0) return readOnly({ passed: false, why: `found ${found.length}: ${found[0]}`, log });
  return readOnly({
    passed: true,
    why: `${changed.length} changed files hold no credential and no loose version`,
    log,
  });
};

async function secretFaults(authority: Repo, changed: readonly Change[]): Promise<string[]> {
  const files = changed.filter(({ status, newMode }) => status !== 'D' && newMode !== '160000');
  const ids = files.flatMap(({ oldId, newId, oldMode }) => [newId, ...(oldMode === '160000' ? [] : [oldId])]);
  const blobs = await readBlobs(authority, ids);
  return files.flatMap(({ path, oldId, newId }) => {
    const now = blobs.get(newId);
    if (!now) throw new Error(`git did not give ${newId}`);
    return secretsAdded(path, blobs.get(oldId), now).map(({ line, what }) => `${path}:${line}: ${what}`);
  });
}

/** Every manifest and lockfile of a commit, read at once. */
async function manifestsOf(authority: Repo, commit: string): Promise<ReadFile> {
  const files = new Map([...(await filesOf(authority, commit))].filter(([path]) => MANIFEST.test(path)));
  const blobs = await readBlobs(authority, [...files.values()]);
  return (path) => blobs.get(files.get(path) ?? '')?.toString('utf8');
}
