import { access, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { git } from '../../servers/core/git/git.ts';
import { agentGit, commitIn } from '../core/git/harness.ts';
import { expireLeases, open, refusedRules, site, startOver, submit, submitting } from './site.ts';

test('a commit of the workspace becomes one commit of the server on mainline, by whom the credential names', async () => {
  const factory = await site();
  const developer = await factory.worker('developer');
  const { workspace, base } = await open(developer);
  await agentGit(workspace, ['config', 'user.name', 'The CEO']);
  await commitIn(workspace, { 'src/b.txt': 'b\n' });

  const made = await submit(developer, { 'package.json': '{}\n', 'src/a.txt': 'one\n' });

  expect(made).toMatchObject({
    submission: 'S-1',
    base,
    files: ['A package.json', 'M src/a.txt', 'A src/b.txt'],
    own_evidence: ['A package.json (manifest)'],
  });
  const show = ['log', '-1', '--format=%an|%cn|%P|%B', made.commit];
  expect((await git(factory.bare, show)).toString()).toBe(
    `developer|Millwright|${base}|Change it\n\nTask: T-1\n\n`,
  );
  expect(await factory.submission(made.commit)).toMatchObject({
    task: 1,
    fence: 1,
    agent: 'developer',
    merged_commit: null,
  });
  expect(await factory.head()).toBe(base);
});

test('the workspace is the same for its holder and another one for the successor', async () => {
  const factory = await site();
  const developer = await factory.worker('developer');
  const first = await open(developer);
  expect(await open(developer)).toEqual(first);

  await expireLeases(factory);
  const next = await factory.agent('developer-2');
  await next.ok('task_checkout');
  const second = await open(next);

  expect([first.workspace, second.workspace].map((path) => path.split('/').at(-1))).toEqual([
    'T-1-1',
    'T-1-2',
  ]);
  await access(second.workspace);
  const row = await factory.services.store.db
    .selectFrom('tasks')
    .select('workspace')
    .executeTakeFirstOrThrow();
  expect(row.workspace).toBe(second.workspace);
});

test('who lost the lease submits nothing, not even from a workspace that is still there', async () => {
  const factory = await site();
  const developer = await factory.worker('developer');
  const { workspace } = await open(developer);
  await expireLeases(factory);

  const commit = await commitIn(workspace, { 'src/b.txt': 'b\n' });
  const late = await developer.call('change_submit', { commit, summary: 'Late' });

  expect(late.text).toMatch(/^LEASE_LOST/);
  expect(await factory.services.store.db.selectFrom('submissions').selectAll().execute()).toEqual([]);
});

test('a lease that ends while git works writes nothing', async () => {
  const factory = await site();
  const developer = await factory.worker('developer');
  const { workspace } = await open(developer);
  const commit = await commitIn(workspace, { 'src/b.txt': 'b\n' });
  const { clock } = factory;
  const real = clock.now.bind(clock);
  let reads = 0;
  // Time passes between the check at the start of the call and the write at its end.
  clock.now = () => real() + (reads++ > 3 ? 3_600_000 : 0);

  const late = await developer.call('change_submit', { commit, summary: 'Late' });
  clock.now = real;

  expect(late.text).toMatch(/^LEASE_LOST/);
  expect(await factory.services.store.db.selectFrom('submissions').selectAll().execute()).toEqual([]);
});

test('a role changes only its own paths, on the way there too', async () => {
  const factory = await site();
  const qa = await factory.worker('qa');

  const source = await submitting(qa, { 'src/a.txt': 'mine\n' });
  expect(source.text).toMatch(
    /^FORBIDDEN: "src\/a\.txt" is outside the paths this role writes\.\nNext: Take it out/,
  );
  const undone = await submitting(qa, { 'src/a.txt': 'one\ntwo\nthree\n', 'test/a.test.ts': 'test\n' });
  expect(undone.text).toMatch(
    /^FORBIDDEN: A commit on the way: "src\/a\.txt".*\nNext: .*reset --soft` to the base/,
  );
  await startOver(qa);
  const moved = await submitting(qa, { 'src/a.txt': null, 'test/a.txt': 'one\ntwo\nthree\n' });
  expect(moved.text).toMatch(/^FORBIDDEN: "src\/a\.txt" is outside/);
  await startOver(qa);
  const own = await submit(qa, { 'test/a.test.ts': 'test\n' });

  expect(own.files).toEqual(['A test/a.test.ts']);
  expect(await refusedRules(factory)).toEqual(['path.write']);
});

test('nobody who is an agent brings host configuration, links, submodules or second spellings', async () => {
  const factory = await site();
  const developer = await factory.worker('developer');
  const { workspace, base } = await open(developer);
  const refusal = async (files: Parameters<typeof submitting>[1]) => {
    const { text } = await submitting(developer, files);
    await startOver(developer);
    return text;
  };

  expect(await refusal({ '.claude/settings.json': '{}' })).toMatch(/is protected/);
  expect(await refusal({ 'CLAUDE.md': 'Obey.\n' })).toMatch(/is protected/);
  expect(await refusal({ 'docs/.Claude/settings.json': '{}' })).toMatch(/is protected/);
  expect(await refusal({ '.gitattributes': '* filter=x\n' })).toMatch(/is protected/);
  expect(await refusal({ 'readme.md': '# Other\n' })).toMatch(/differs from README\.md in case/);
  await symlink('/etc/passwd', join(workspace, 'src/link'));
  expect(await refusal({})).toMatch(/is a symbolic link/);
  await agentGit(workspace, ['update-index', '--add', '--cacheinfo', `160000,${base},src/sub`]);
  await agentGit(workspace, ['commit', '-q', '-m', 'sub']);
  const tip = (await agentGit(workspace, ['rev-parse', 'HEAD'])).out;
  expect((await developer.call('change_submit', { commit: tip, summary: 'Sub' })).text).toMatch(
    /is a submodule/,
  );

  const rules = await refusedRules(factory);
  expect([...new Set(rules)].sort()).toEqual(['path.form', 'path.protected']);
  expect(await factory.services.store.db.selectFrom('submissions').selectAll().execute()).toEqual([]);
});

test('says what to do about a commit that is none, of another clone, empty, or in conflict', async () => {
  const factory = await site();
  const developer = await factory.worker('developer');
  const other = await factory.worker('developer-2');
  await open(developer);
  const elsewhere = await commitIn((await open(other)).workspace, { 'src/b.txt': 'b\n' });
  const call = (commit: string) => developer.call('change_submit', { commit, summary: 'Try it' });

  expect((await call('HEAD')).text).toMatch(/^INVALID_INPUT: A commit is named by its full id/);
  expect((await call('--upload-pack=touch /tmp/x')).text).toMatch(/^INVALID_INPUT/);
  expect((await call(elsewhere)).text).toMatch(/^INVALID_INPUT: The clone has no such commit/);
  expect((await call(await factory.head())).text).toMatch(/^INVALID_INPUT: The commit changes nothing/);
  const landed = await submit(other, { 'src/a.txt': 'theirs\n' });
  await factory.closeGates(landed.commit);
  const engineer = await factory.worker('principal-engineer');
  await engineer.ok('change_merge', { submission: landed.submission });

  const conflict = await submitting(developer, { 'src/a.txt': 'mine\n' });

  expect(conflict.text).toMatch(
    /^CONFLICT: The change conflicts with mainline in "src\/a\.txt"\.\nNext: .*git pull/,
  );
  const { workspace } = await open(developer);
  await agentGit(workspace, ['pull', '-q', '--no-rebase', '-X', 'ours', 'factory', 'main']);
  const resolved = await submit(developer, { 'src/c.txt': 'c\n' });
  expect(resolved.files).toEqual(['M src/a.txt', 'A src/c.txt']);
});

test('a later attempt goes on from what was submitted, and answers only for what it adds', async () => {
  const factory = await site();
  const developer = await factory.worker('developer');
  const first = await submit(developer, { 'src/b.txt': 'b\n' });
  await expireLeases(factory);
  const next = await factory.agent('developer-2');
  await next.ok('task_checkout');

  const opened = await open(next);
  expect(opened.base).toBe(first.commit);
  const second = await submit(next, { 'src/c.txt': 'c\n' });
  expect(second).toMatchObject({ base: first.base, files: ['A src/b.txt', 'A src/c.txt'] });

  // The task comes to a role that may write tests only: it adds one to the work of the others.
  await next.ok('task_return', { why: 'Tests are missing' });
  await factory.services.store.db.updateTable('tasks').set({ role: 'qa' }).execute();
  const qa = await factory.agent('qa');
  await qa.ok('task_checkout');
  const third = await submit(qa, { 'test/c.test.ts': 'c\n' });
  expect(third.files).toEqual(['A src/b.txt', 'A src/c.txt', 'A test/c.test.ts']);
  expect((await submitting(qa, { 'src/c.txt': 'qa\n' })).text).toMatch(
    /^FORBIDDEN: "src\/c\.txt" is outside/,
  );
});
