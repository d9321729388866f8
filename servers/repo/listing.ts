import type { Change } from '../core/git/changes.ts';
import { ownEvidenceChanges } from '../core/git/tampering.ts';

/** Hosts cut answers; lists of paths end here, in characters of JSON. */
const LONGEST_LIST = 2000;

/** What a change touches, as every tool here shows it: `M src/a.ts`. */
export function fileList(changed: readonly Change[]): string[] {
  return cut(changed.map(({ status, path }) => `${status} ${path}`));
}

/** What it changes about the things that judge it: `M package.json (manifest)`. */
export function ownEvidence(changed: readonly Change[]): string[] {
  return cut(ownEvidenceChanges(changed).map(({ status, path, kind }) => `${status} ${path} (${kind})`));
}

function cut(lines: readonly string[]): string[] {
  let size = 0;
  const shown = lines.filter((line) => {
    size += JSON.stringify(line).length + 1;
    return size <= LONGEST_LIST;
  });
  return shown.length === lines.length ? shown : [...shown, `and ${lines.length - shown.length} more`];
}
