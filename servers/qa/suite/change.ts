import { readBlobs } from '../../core/git/blobs.ts';
import { type Change, changes } from '../../core/git/changes.ts';
import type { Repo } from '../../core/git/git.ts';
import { isProductSource, isTestFile } from './coverage.ts';

/** A change against its parent, with the contents that QA compares. */
export interface ChangedSources {
  /** Every path that differs. */
  paths: readonly Change[];
  /** Lines of product sources that the parent's file lacks, counted from 1. */
  lines: ReadonlyMap<string, ReadonlySet<number>>;
  /** Files of tests that were added or changed. */
  tests: readonly string[];
  /** The text of a changed path before and after; undefined where there is none. */
  before(path: string): string | undefined;
  after(path: string): string | undefined;
}

const isFile = (mode: string) => mode === '100644' || mode === '100755';

/** Reads what a commit changes against its parent. */
export async function changedSources(
  authority: Repo,
  parent: string,
  commit: string,
): Promise<ChangedSources> {
  const paths = await changes(authority, parent, commit);
  const files = paths.filter(({ oldMode, newMode }) => isFile(oldMode) || isFile(newMode));
  const blobs = await readBlobs(
    authority,
    files.flatMap(({ oldMode, oldId, newMode, newId }) => [
      ...(isFile(oldMode) ? [oldId] : []),
      ...(isFile(newMode) ? [newId] : []),
    ]),
  );
  const ids = new Map(files.map((change) => [change.path, change]));
  const before = (path: string) => blobs.get(ids.get(path)?.oldId ?? '')?.toString('utf8');
  const after = (path: string) => blobs.get(ids.get(path)?.newId ?? '')?.toString('utf8');
  const present = files.filter(({ newMode }) => isFile(newMode)).map(({ path }) => path);
  const lines = new Map(
    present.filter(isProductSource).map((path) => [path, addedLines(before(path), after(path) ?? '')]),
  );
  return { paths, lines, tests: present.filter(isTestFile), before, after };
}

/** Lines that the old text lacks, by their content; one that was only moved does not count. */
function addedLines(old: string | undefined, now: string): ReadonlySet<number> {
  const known = new Set(old?.split('\n'));
  return new Set(now.split('\n').flatMap((line, index) => (known.has(line) ? [] : [index + 1])));
}
