import { createHash } from 'node:crypto';
import { rename, symlink, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { advanceMain } from '../../../servers/core/git/advance.ts';
import { headOfMain } from '../../../servers/core/git/authority.ts';
import {
  type Change,
  changes,
  diffDigest,
  diffText,
  everyCommitChanges,
  mergeBase,
} from '../../../servers/core/git/changes.ts';
import { git } from '../../../servers/core/git/git.ts';
import { takeIn } from '../../../servers/core/git/intake.ts';
import { treePaths } from '../../../servers/core/git/objects.ts';
import { checkPaths, DEFAULT_PROTECTED, type PathRules } from '../../../servers/core/git/paths.ts';
import { ownEvidenceChanges } from '../../../servers/core/git/tampering.ts';
import { agentGit, commitIn, ruleOf, site, write } from './harness.ts';

const RULES: PathRules = { writes: ['src/**', 'docs/*.md'], protected: DEFAULT_PROTECTED };
const EVERYTHING: PathRules = { writes: ['**'], protected: DEFAULT_PROTECTED };

const change = (path: string, more: Partial<Change> = {}): Change => ({
  status: 'A',
  oldMode: '000000',
  newMode: '100644',
  oldId: '0'.repeat(40),
  newId: 'a'.repeat(40),
  path,
  ...more,
});

const rulesFor = (path: string, rules: PathRules, more: Partial<Change> = {}) =>
  checkPaths([change(path, more)], rules).map(({ rule }) => rule);

test.each([
  ['src/a.ts', []],
  ['src/deep/.hidden/a.ts', []],
  ['docs/a.md', []],
  ['docs/deep/a.md', ['path.write']],
  ['srcs/a.ts', ['path.write']],
  ['Src/a.ts', ['path.write']],
  ['package.json', ['path.write']],
  ['src/CLAUDE.md', ['path.protected']],
  ['src/sub/claude.MD', ['path.protected']],
  ['src/.claude/settings.json', ['path.protected']],
  ['.Claude/settings.json', ['path.protected']],
  ['.GitHub/workflows/ci.yml', ['path.protected']],
  ['FACTORY.YAML', ['path.protected']],
  ['.mcp.json', ['path.protected']],
  ['src/.gitattributes', ['path.protected']],
  ['src/.GITMODULES', ['path.protected']],
] as const)('%s: %j', (path, rules) => {
  expect(rulesFor(path, RULES)).toEqual(rules);
  expect(rulesFor(path, RULES, { status: 'D', newMode: '000000' })).toEqual(rules);
});

test.each([
  'src/a\u0001b',
  'src/a\nb',
  'src/a\u202eb',
  '.cl\u200caude/settings.json',
  'src\\a',
  'src/a:b',
  'src/trail.',
  'src/trail ',
  'src/ ',
  'src/CON',
  'src/aux.c',
  'src/lpt1 .txt',
  'CLAUDE~1/settings.json',
  'src/.GIT/config',
  'src/../a',
  'src/bad\uFFFDbytes',
])('%j has no one meaning on every system', (path) => {
  expect(rulesFor(path, EVERYTHING)).toContain('path.form');
  expect(rulesFor(path, { ...EVERYTHING, allowProtected: true })).toContain('path.form');
});

test.each([
  'src/console.ts',
  'src/[id]/page.tsx',
  'src/café.ts',
  'src/日本.ts',
  'src/a b.ts',
  'src/.env.example',
])('%j is an ordinary path', (path) => expect(rulesFor(path, EVERYTHING)).toEqual([]));

test('symbolic links, submodules and odd modes are refused, whatever a human lets through', () => {
  for (const newMode of ['120000', '160000', '100664']) {
    expect(rulesFor('src/a', { ...EVERYTHING, allowProtected: true }, { newMode })).toEqual(['path.form']);
  }
  expect(rulesFor('src/a', EVERYTHING, { status: 'D', oldMode: '120000', newMode: '000000' })).toEqual([]);
});

test('a human lets protected paths through, and nothing else', () => {
  const rules = { ...RULES, allowProtected: true };
  expect(rulesFor('CLAUDE.md', rules)).toEqual([]);
  expect(rulesFor('other/a.ts', rules)).toEqual(['path.write']);
  expect(rulesFor('CLAUDE.md', { writes: [], protected: [] })).toEqual(['path.write']);
});

test.each([
  ['src/readme', 'src/README'],
  ['SRC/new.ts', 'src'],
  ['src/cafe\u0301', 'src/caf\u00e9'],
  ['src/ſ', 'src/s'],
])('%s is refused beside %s', (path, other) => {
  const tree = ['src/README', 'src/caf\u00e9', 'src/s', path];
  const [problem, ...more] = checkPaths([change(path)], { ...EVERYTHING, tree });
  expect(more).toEqual([]);
  expect(problem).toMatchObject({
    rule: 'path.form',
    why: `differs from ${other} in case or normal form only`,
  });
  expect(checkPaths([change('src/new')], { ...EVERYTHING, tree: [...tree, 'src/new'] })).toEqual([]);
});

test('a rename out of a protected folder shows as its deletion', async () => {
  const place = await site([{ path: '.claude/settings.json', content: '{}\n' }]);
  const { bare, clone } = place;
  const work = await clone('t1-1');
  await write(work, 'src/x', '');
  await rename(join(work, '.claude/settings.json'), join(work, 'src/settings.json'));
  const tip = await place.submit(work, 'refs/tasks/t1/1', {});

  const found = await changes(bare, await headOfMain(bare), tip);

  expect(found.map(({ status, path }) => `${status} ${path}`)).toEqual([
    'D .claude/settings.json',
    'A src/settings.json',
    'A src/x',
  ]);
  expect(checkPaths(found, RULES).map(({ rule, path }) => [rule, path])).toEqual([
    ['path.protected', '.claude/settings.json'],
  ]);
});

test('links, submodules that ask to be ignored, type changes and bytes that are no text all show', async () => {
  const { bare, clone } = await site();
  const work = await clone('t1-1');
  const first = await commitIn(work, { 'src/b.txt': 'b\n' });
  await write(work, '.gitmodules', '[submodule "s"]\npath = src/s\nurl = ./s\nignore = all\n');
  await agentGit(work, ['add', '.gitmodules']);
  await agentGit(work, ['update-index', '--add', '--cacheinfo', `160000,${first},src/s`]);
  await unlink(join(work, 'src/a.txt'));
  await symlink('/etc/passwd', join(work, 'src/a.txt'));
  await agentGit(work, ['add', 'src/a.txt']);
  const blob = (await agentGit(work, ['rev-parse', 'HEAD:src/b.txt'])).out;
  const odd = Buffer.concat([Buffer.from(`100644 ${blob}\tsrc/`), Buffer.from([0xff, 0]), Buffer.from('')]);
  await agentGit(work, ['update-index', '-z', '--add', '--index-info'], { input: odd });
  await agentGit(work, ['commit', '-q', '-m', 'x']);
  const commit = (await agentGit(work, ['rev-parse', 'HEAD'])).out;
  await takeIn(bare, { clone: work, commit, ref: 'refs/tasks/t1/1' });

  const found = await changes(bare, await headOfMain(bare), commit);

  expect(found.map(({ status, newMode, path }) => `${status} ${newMode} ${path}`)).toEqual([
    'A 100644 .gitmodules',
    'T 120000 src/a.txt',
    'A 100644 src/b.txt',
    'A 160000 src/s',
    'A 100644 src/\uFFFD',
  ]);
  expect(checkPaths(found, EVERYTHING).map(({ rule, path }) => `${rule} ${path}`)).toEqual([
    'path.form src/a.txt',
    'path.form src/s',
    'path.form src/\uFFFD',
    'path.protected .gitmodules',
  ]);
});

test('names that only case or normal form tells apart are found in a real tree', async () => {
  const { bare, clone, submit } = await site([{ path: 'src/README', content: '' }]);
  const work = await clone('t1-1');
  const tip = await submit(work, 'refs/tasks/t1/1', {
    'src/readme': 'x',
    'src/cafe\u0301': '1',
    'src/caf\u00e9': '2',
  });

  const found = await changes(bare, await headOfMain(bare), tip);

  const problems = checkPaths(found, { ...EVERYTHING, tree: await treePaths(bare, tip) });
  expect(problems.map(({ path }) => path)).toEqual(['src/cafe\u0301', 'src/caf\u00e9', 'src/readme']);
});

test('the digest is sha256 of what git prints', async () => {
  const { bare, clone, submit } = await site();
  const main = await headOfMain(bare);
  const tip = await submit(await clone('t1-1'), 'refs/tasks/t1/1', {
    'src/a.txt': 'two\n',
    'src/ü.txt': 'u\n',
  });
  const raw = await git(bare, ['diff-tree', '-r', '-z', '--raw', '--full-index', '--no-renames', main, tip]);

  expect(diffDigest(await changes(bare, main, tip))).toBe(createHash('sha256').update(raw).digest('hex'));
});

test('a path changed and changed back, and one changed inside a merge, are seen', async () => {
  const { bare, clone, submit } = await site();
  const [work, other] = [await clone('t1-1'), await clone('t2-1')];
  const moved = await submit(other, 'refs/tasks/t2/1', { 'src/main.txt': 'm\n' });

  await advanceMain(bare, await headOfMain(bare), moved);
  await commitIn(work, { '.mcp.json': '{}' });
  await commitIn(work, { '.mcp.json': null, 'src/a.txt': 'two\n' });
  await agentGit(work, ['fetch', '-q', 'factory']);
  await agentGit(work, ['merge', '-q', '--no-commit', 'factory/main']);
  const tip = await submit(work, 'refs/tasks/t1/1', { 'src/inside-merge.txt': 'x\n' });
  const base = await mergeBase(bare, await headOfMain(bare), tip);

  const paths = (found: Change[]) => found.map(({ status, path }) => `${status} ${path}`).sort();

  expect(paths(await changes(bare, base, tip))).toEqual(['A src/inside-merge.txt', 'M src/a.txt']);
  expect(paths(await everyCommitChanges(bare, base, tip))).toEqual([
    'A .mcp.json',
    'A src/inside-merge.txt',
    'D .mcp.json',
    'M src/a.txt',
  ]);
});

test('histories that crossed have no one base', async () => {
  const { bare, clone, submit } = await site();
  const [one, two] = [await clone('t1-1'), await clone('t2-1')];
  const a = await submit(one, 'refs/tasks/t1/1', { 'src/b.txt': 'b\n' });
  const b = await submit(two, 'refs/tasks/t2/1', { 'src/c.txt': 'c\n' });
  await agentGit(one, ['fetch', '-q', two, b]);
  await agentGit(two, ['fetch', '-q', one, a]);
  await agentGit(one, ['merge', '-q', '-m', 'x', b]);
  await agentGit(two, ['merge', '-q', '-m', 'y', a]);
  const left = await submit(one, 'refs/tasks/t1/1', { 'src/d.txt': 'd\n' });
  const right = await submit(two, 'refs/tasks/t2/1', { 'src/e.txt': 'e\n' });

  expect(await ruleOf(mergeBase(bare, left, right))).toBe('git.several-bases');
  expect(await mergeBase(bare, a, left)).toBe(a);
});

test('a reader sees the patch whatever the attributes say, cut at the limit', async () => {
  const { bare, clone, submit } = await site([
    { path: '.gitattributes', content: '* -diff\n' },
    { path: 'src/a.txt', content: 'one\n' },
  ]);
  const main = await headOfMain(bare);
  const tip = await submit(await clone('t1-1'), 'refs/tasks/t1/1', { 'src/a.txt': `${'é'.repeat(5000)}\n` });

  expect((await diffText(bare, main, tip, { maxBytes: 100_000 })).text).toMatch(/-one\n\+é{5000}\n$/);
  const cut = await diffText(bare, main, tip, { maxBytes: 1001 });
  expect(cut.truncated).toBe(true);
  expect(Buffer.byteLength(cut.text)).toBeLessThanOrEqual(1001);
  expect(cut.text).toMatch(/é$/);
});

test('what a branch changes about its own judges is listed', () => {
  const paths = [
    'src/a.ts',
    'src/a.test.ts',
    'Test/b.ts',
    'vitest.config.ts',
    'package.json',
    'packages/x/package-lock.json',
    'scripts/build.mjs',
    '.github/workflows/ci.yml',
    'wrangler.toml',
    'tsconfig.json',
    'README.md',
  ];
  expect(
    ownEvidenceChanges(paths.map((path) => change(path))).map(({ path, kind }) => `${kind}: ${path}`),
  ).toEqual([
    'tests: src/a.test.ts',
    'tests: Test/b.ts',
    'test configuration: vitest.config.ts',
    'manifest: package.json',
    'lockfile: packages/x/package-lock.json',
    'scripts: scripts/build.mjs',
    'ci: .github/workflows/ci.yml',
    'manifest: wrangler.toml',
    'test configuration: tsconfig.json',
  ]);
});
