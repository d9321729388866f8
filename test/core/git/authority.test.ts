import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createAuthority, headOfMain, openAuthority } from '../../../servers/core/git/authority.ts';
import { checkoutTree } from '../../../servers/core/git/checkout.ts';
import { git, gitLine, runGit, serverConfig } from '../../../servers/core/git/git.ts';
import { treePaths } from '../../../servers/core/git/objects.ts';
import { AT, agentGit, commitIn, ruleOf, site, tempDir } from './harness.ts';

test('an authority starts from files, and only once', async () => {
  const state = await tempDir();
  const initial = [
    { path: 'bin/run', content: '#!/bin/sh\n', executable: true },
    { path: 'README.md', content: Buffer.from([0, 255, 13, 10]) },
  ];
  const bare = await createAuthority(state, { initial, message: 'Start', at: AT });

  expect(await gitLine(bare, ['log', '--format=%cn|%s|%ct', 'refs/heads/main'])).toBe(
    `Millwright|Start|${AT.getTime() / 1000}`,
  );
  expect(await gitLine(bare, ['ls-tree', '-r', '--format=%(objectmode) %(path)', 'refs/heads/main'])).toBe(
    '100644 README.md\n100755 bin/run',
  );
  expect(await git(bare, ['cat-file', 'blob', 'refs/heads/main:README.md'])).toEqual(
    Buffer.from([0, 255, 13, 10]),
  );
  expect(await ruleOf(createAuthority(state, { initial, message: 'Again', at: AT }))).toBe('git.exists');
  expect(await headOfMain(await openAuthority(state))).toBe(await headOfMain(bare));
});

test('an authority does not start from files that reach outside', async () => {
  for (const path of ['../a', '.git/config', '/etc/passwd', 'a\0b']) {
    const initial = [{ path, content: 'x' }];
    expect(await ruleOf(createAuthority(await tempDir(), { initial, message: 'x', at: AT }))).toBe(
      'path.form',
    );
  }
});

test("an authority starts from one commit of a person's repository, and from nothing else in it", async () => {
  const person = await tempDir();
  await agentGit(person, ['init', '-q']);
  const old = await commitIn(person, { 'a.txt': '1' });
  const commit = await commitIn(person, { 'a.txt': '2' });
  const later = await commitIn(person, { 'secret.txt': 'not yet' });
  await agentGit(person, ['tag', 'v1', old]);

  const bare = await createAuthority(await tempDir(), { seed: { path: person, commit } });

  expect(await headOfMain(bare)).toBe(commit);
  expect(await treePaths(bare, commit)).toEqual(['a.txt']);
  expect(await gitLine(bare, ['for-each-ref', '--format=%(refname)'])).toBe(
    'refs/adopt/seed\nrefs/heads/main',
  );
  expect((await runGit(bare, ['cat-file', '-e', later])).code).not.toBe(0);
  expect(await gitLine(bare, ['rev-list', '--count', 'refs/heads/main'])).toBe('2');
});

test('a checkout has the committed bytes and no .git, whatever .gitattributes say', async () => {
  const files = {
    '.gitattributes':
      '*.txt text eol=crlf\nid.* ident\nutf16 working-tree-encoding=UTF-16\nhidden export-ignore\n',
    'a.txt': 'one\ntwo\n',
    'id.c': '$Id$\n',
    utf16: 'text\n',
    hidden: 'here\n',
    'deep/er/file': 'x',
  };
  const initial = [
    ...Object.entries(files).map(([path, content]) => ({ path, content })),
    { path: 'run.sh', content: '#!/bin/sh\n', executable: true },
  ];
  const { bare, root } = await site(initial);
  const out = join(root, 'out');

  await checkoutTree(bare, await headOfMain(bare), out);

  for (const [path, content] of Object.entries(files))
    expect(await readFile(join(out, path), 'utf8')).toBe(content);
  expect((await stat(join(out, 'run.sh'))).mode & 0o777).toBe(0o755);
  expect((await stat(join(out, 'a.txt'))).mode & 0o777).toBe(0o644);
  expect((await readdir(out)).sort()).toEqual(
    [...Object.keys(files), 'run.sh'].map((path) => path.split('/')[0]).sort(),
  );
  expect(await readdir(bare.scratch)).toEqual([]);
  await expect(checkoutTree(bare, await headOfMain(bare), out)).rejects.toThrow('EEXIST');
});

test('the settings reach git by flag and by file alike', async () => {
  const { bare } = await site();
  expect(await readFile(bare.config, 'utf8')).toBe(serverConfig());
  for (const key of [
    'core.hooksPath',
    'transfer.fsckObjects',
    'protocol.file.allow',
    'fetch.fsck.badFilemode',
  ]) {
    const origins = await gitLine(bare, ['config', '--show-origin', '--get-all', key]);
    expect(origins.split('\n').map((line) => line.split(':')[0])).toEqual(['file', 'command line']);
  }
});

test('a git that runs too long or says too much is killed', async () => {
  const { bare } = await site();
  const before = Date.now();
  const slow = await runGit(bare, ['-c', 'alias.hang=!sleep 20 & sleep 20', 'hang'], { timeoutMs: 200 });
  expect(slow).toMatchObject({ timedOut: true, code: undefined });
  const loud = await runGit(bare, ['-c', 'alias.loud=!sleep 20 & yes', 'loud'], { maxBytes: 1000 });
  expect(loud.truncated).toBe(true);
  expect(loud.stdout.length).toBeGreaterThan(900);
  expect(loud.stdout.length).toBeLessThanOrEqual(1000);
  expect(Date.now() - before).toBeLessThan(4000);
  await expect(git(bare, ['-c', 'alias.loud=!yes', 'loud'], { maxBytes: 1000 })).rejects.toThrow(
    'too much output',
  );
});
