import picomatch from 'picomatch';
import type { Change } from './changes.ts';
import { collisions, foldPath, formProblem } from './path-form.ts';

/**
 * Paths that steer the hosts, the checks or the factory itself: a change to one is let through by a human's
 * checkpoint only. Matched whatever the case or the normal form.
 */
export const DEFAULT_PROTECTED: readonly string[] = [
  'factory.yaml',
  '.millwright/**',
  '**/CLAUDE.md',
  '**/CLAUDE.local.md',
  '**/AGENTS.md',
  '**/AGENTS.override.md',
  '**/GEMINI.md',
  '**/.claude/**',
  '**/.codex/**',
  '**/.agents/**',
  '**/.gemini/**',
  '**/.cursor/**',
  '**/.cursorrules',
  '**/.windsurf/**',
  '**/.windsurfrules',
  '**/.vscode/**',
  '**/.idea/**',
  '**/.devcontainer/**',
  '**/.devcontainer.json',
  '**/.mcp.json',
  '**/.envrc',
  '**/.husky/**',
  '.github/**',
  '.gitlab-ci.yml',
  '.gitlab/**',
  '.circleci/**',
  '.buildkite/**',
  '.ci/**',
  '.travis.yml',
  'Jenkinsfile',
  'azure-pipelines.yml',
  'bitbucket-pipelines.yml',
];

// These tell git to hide, rewrite or fetch things: protected whatever list the caller brings.
const ALWAYS_PROTECTED = ['**/.gitattributes', '**/.gitmodules'];

const GLOB = { dot: true, nonegate: true, windows: false };

export type PathRules = {
  /** Globs of what the role may write. */
  writes: readonly string[];
  /** Globs of what only a human lets through. */
  protected: readonly string[];
  /** A human let this very change through: its protected paths count as writable. */
  allowProtected?: boolean;
  /** Every path of the resulting tree, to find names that differ in case or normal form only. */
  tree?: readonly string[];
};

export type PathProblem = { rule: 'path.write' | 'path.protected' | 'path.form'; path: string; why: string };

function entryProblem({ newMode, path }: Change): string | undefined {
  if (newMode === '120000') return 'is a symbolic link';
  if (newMode === '160000') return 'is a submodule';
  if (newMode !== '100644' && newMode !== '100755') return `has mode ${newMode}`;
  return formProblem(path);
}

/**
 * Holds a real diff against a role's paths. Returns every problem, none if the change may pass.
 *
 * `path.form`: what is added or changed must be a plain file with one meaning on every system, whoever asks.
 * `path.protected`: deletions count too. `path.write`: all else must match a glob of `writes`.
 */
export function checkPaths(changed: readonly Change[], rules: PathRules): PathProblem[] {
  const mayWrite = picomatch(
    [...rules.writes].map((glob) => glob.normalize('NFC')),
    GLOB,
  );
  const isProtected = picomatch([...ALWAYS_PROTECTED, ...rules.protected].map(foldPath), GLOB);
  const kept = changed.filter(({ status }) => status !== 'D');
  const added = kept.filter(({ status }) => status === 'A').map(({ path }) => path);
  const clashes = collisions(added, rules.tree ?? []);

  const form = kept.flatMap((change): PathProblem[] => {
    const clash = clashes.get(change.path);
    const why = entryProblem(change) ?? (clash && `differs from ${clash} in case or normal form only`);
    return why ? [{ rule: 'path.form', path: change.path, why }] : [];
  });
  const place = changed.flatMap(({ path }): PathProblem[] => {
    if (isProtected(foldPath(path))) {
      if (rules.allowProtected) return [];
      return [
        { rule: 'path.protected', path, why: "is protected: only a human's checkpoint lets it through" },
      ];
    }
    if (mayWrite(path.normalize('NFC'))) return [];
    return [{ rule: 'path.write', path, why: 'is outside the paths this role writes' }];
  });
  return [...form, ...place];
}
