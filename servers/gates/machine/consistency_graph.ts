import { posix } from 'node:path';

export interface ConsistencyReport {
  /** JavaScript and TypeScript files looked at. */
  files: number;
  /** Imports of files that are not there, and files that are not valid source, as `file:line: what`. */
  broken: string[];
  /** Source files that nothing leads to. */
  orphans: string[];
}

export type SourceFile = { path: string; text: string };

const SOURCE = /\.[cm]?[jt]sx?$/;
const DECLARATION = /\.d\.[cm]?ts$/;
/** Folders whose files something must lead to. */
const JUDGED = /(?:^|\/)(?:src|lib)\//;
/** Within them: what a framework, a test runner or a host starts by its name or place. */
const STARTED = [
  /(?:^|\/)(?:tests?|__tests__|__mocks__|e2e|spec|pages|routes|app|api|functions|scripts|bin|migrations)\//,
  /\.(?:test|spec|e2e|bench|stories|config|setup)\.[^/]+$/,
  /(?:^|\/)(?:src|lib)\/(?:index|main|server|worker|app|cli|entry[^/]*|middleware|instrumentation|setup[^/]*)\.[^/.]+$/,
];

export const isSource = (path: string) => SOURCE.test(path) && !DECLARATION.test(path);

/**
 * The source files that neither an import nor any name in a text leads to, from files that are started by
 * themselves. Lenient on purpose: a file whose path is a string somewhere in what is reached counts as used.
 */
export function orphans(
  files: readonly SourceFile[],
  edges: ReadonlyMap<string, readonly string[]>,
): string[] {
  const named = byEnding(files.map(({ path }) => path).filter(isSource));
  const texts = new Map(files.map(({ path, text }) => [path, text]));
  const queue = files.map(({ path }) => path).filter(isRoot);
  const reached = new Set(queue);
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    const next = [...(edges.get(path) ?? []), ...mentioned(path, texts.get(path) ?? '', named)];
    for (const target of next) {
      if (reached.has(target)) continue;
      reached.add(target);
      queue.push(target);
    }
  }
  return files.map(({ path }) => path).filter((path) => isSource(path) && !reached.has(path));
}

const isRoot = (path: string) =>
  !isSource(path) || !JUDGED.test(path) || STARTED.some((pattern) => pattern.test(path));

const withoutEnding = (path: string) => path.replace(SOURCE, '').replace(/\/index$/, '');

/** Every ending of every path, at a folder's border, without extension: `lib/a` finds `src/lib/a.ts`. */
function byEnding(paths: readonly string[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const path of paths) {
    const names = withoutEnding(path).split('/');
    for (const at of names.keys()) {
      const ending = names.slice(at).join('/');
      found.set(ending, [...(found.get(ending) ?? []), path]);
    }
  }
  return found;
}

const STRING = /["'`]([^"'`\n\s]{1,300})["'`]/g;

/** Files named in a text: relative to it, or by an ending of two names or more. */
function mentioned(from: string, text: string, named: ReadonlyMap<string, readonly string[]>): string[] {
  return [...text.matchAll(STRING)].flatMap(([, found = '']) => {
    const name = found.replace(/^(?:[@~#$][^/]*|\.)?\//, '').replace(/[?#].*$/, '');
    if (found.startsWith('.')) {
      const path = withoutEnding(posix.join(posix.dirname(from), found));
      return (named.get(path) ?? []).filter((target) => withoutEnding(target) === path);
    }
    const ending = withoutEnding(name);
    return ending.includes('/') || SOURCE.test(name) ? (named.get(ending) ?? []) : [];
  });
}
