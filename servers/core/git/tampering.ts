import picomatch from 'picomatch';
import type { Change } from './changes.ts';
import { foldPath } from './path-form.ts';

export type Evidence = 'tests' | 'test configuration' | 'scripts' | 'manifest' | 'lockfile' | 'ci';

const KINDS: readonly (readonly [Evidence, readonly string[]])[] = [
  [
    'tests',
    [
      '**/{test,tests,spec,specs,e2e,__tests__,__snapshots__,__mocks__,fixtures}/**',
      '**/*.{test,spec}.*',
      '**/*_test.*',
    ],
  ],
  [
    'test configuration',
    [
      '**/{vitest,vite,jest,playwright,cypress,karma,babel,eslint,biome,stryker}.*',
      '**/{.mocharc,.eslintrc,.c8rc,.nycrc}{,.*}',
      '**/tsconfig{,.*}.json',
      '**/{pytest.ini,conftest.py,tox.ini,setup.cfg,pyproject.toml}',
    ],
  ],
  ['scripts', ['**/{scripts,bin,tools}/**', '**/*.{sh,bash,ps1,cmd,bat}', '**/Makefile', '**/justfile']],
  [
    'manifest',
    [
      '**/package.json',
      '**/wrangler.{toml,json,jsonc}',
      '**/{.npmrc,.yarnrc,.yarnrc.yml,pnpm-workspace.yaml}',
    ],
  ],
  [
    'lockfile',
    [
      '**/{package-lock.json,npm-shrinkwrap.json,yarn.lock,pnpm-lock.yaml,bun.lock,bun.lockb,deno.lock,poetry.lock,uv.lock}',
    ],
  ],
  [
    'ci',
    [
      '.{github,gitlab,circleci,buildkite,ci,husky}/**',
      '.gitlab-ci.yml',
      '.travis.yml',
      'Jenkinsfile',
      '**/Dockerfile',
    ],
  ],
];

const MATCHERS = KINDS.map(
  ([kind, globs]) => [kind, picomatch(globs.map(foldPath), { dot: true, windows: false })] as const,
);

/** What a branch changes about the things that judge it: its own tests, scripts, lockfile, CI. For the reviewer's eyes. */
export function ownEvidenceChanges(
  changed: readonly Change[],
): { path: string; status: Change['status']; kind: Evidence }[] {
  return changed.flatMap(({ path, status }) => {
    const kind = MATCHERS.find(([, matches]) => matches(foldPath(path)))?.[0];
    return kind ? [{ path, status, kind }] : [];
  });
}
