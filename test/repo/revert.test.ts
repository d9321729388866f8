import { expect, test } from 'vitest';
import { advanceMain } from '../../servers/core/git/advance.ts';
import { revertCommit } from '../../servers/core/git/candidate.ts';
import { git } from '../../servers/core/git/git.ts';
import { treeOf } from '../../servers/core/git/objects.ts';
import { landingOf } from '../../servers/repo/landing.ts';
import { insertSubmission } from '../../servers/repo/queries.ts';
import { type Site, site, submit } from './site.ts';

async function landed(factory: Site, files: Record<string, string>): Promise<string> {
  const made = await submit(await factory.worker('developer'), files);
  await factory.closeGates(made.commit);
  await (await factory.worker('principal-engineer')).ok('change_merge', { submission: made.submission });
  return made.commit;
}

test('takes one change back, keeps the later one, and leaves nothing of it that could be released', async () => {
  const factory = await site();
  const bad = await landed(factory, { 'src/b.txt': 'b\n' });
  await landed(factory, { 'src/c.txt': 'c\n' });
  const engineer = await factory.worker('principal-engineer');

  const done = await engineer.ok<{ submission: string; mainline: string }>('change_revert', {
    commit: bad,
    why: 'It broke the page',
  });

  expect(done.mainline).toBe(await factory.head());
  const files = (await git(factory.bare, ['ls-tree', '-r', '--name-only', done.mainline])).toString();
  expect(files).toBe('README.md\nsrc/a.txt\nsrc/c.txt\n');
  expect(await factory.submission(done.mainline)).toMatchObject({
    task: 1,
    agent: 'principal-engineer',
    merged_commit: done.mainline,
  });
  expect((await engineer.call('change_revert', { commit: bad, why: 'Again' })).text).toMatch(
    /^CONFLICT: Mainline does not hold/,
  );
});

test('refuses what was never merged, what later changes need, and whoever holds no task', async () => {
  const factory = await site();
  const first = await landed(factory, { 'src/b.txt': 'b\n' });
  await landed(factory, { 'src/b.txt': 'b, better\n' });
  const engineer = await factory.worker('principal-engineer');
  const idle = await factory.agent('principal-engineer');
  const start = (await git(factory.bare, ['rev-parse', `${first}^`])).toString().trim();
  const before = await factory.head();

  const why = 'It broke the page';
  expect((await engineer.call('change_revert', { commit: start, why })).text).toMatch(
    /^NOT_FOUND: No change was merged/,
  );
  expect((await engineer.call('change_revert', { commit: first, why })).text).toMatch(
    /^CONFLICT: .*in "src\/b\.txt"/,
  );
  expect((await idle.call('change_revert', { commit: first, why })).text).toMatch(
    /^CONFLICT: You hold no task/,
  );
  expect(await factory.head()).toBe(before);
});

test('a revert that reached mainline before its process ended is recorded by the next call', async () => {
  const factory = await site();
  const bad = await landed(factory, { 'src/b.txt': 'b\n' });
  const target = await factory.submission(bad);
  const landing = landingOf('principal-engineer', 'Revert S-1', `Reverts: ${bad}`, factory.clock.now());
  const built = await revertCommit(factory.bare, bad, bad, landing);
  if (!('commit' in built)) throw new Error(built.kind);
  const { id: _id, merged_at: _at, merged_commit: _merged, ...same } = target;
  await factory.services.store.transaction((tx) =>
    insertSubmission(tx, { ...same, commit_id: built.commit, tree_id: built.tree, base_commit: bad }),
  );
  await advanceMain(factory.bare, bad, built.commit);
  const engineer = await factory.worker('principal-engineer');

  await engineer.ok('change_revert', { commit: bad, why: 'It broke the page' });

  expect(await factory.head()).toBe(built.commit);
  expect((await factory.submission(built.commit)).merged_commit).toBe(built.commit);
  expect(built.tree).toBe(await treeOf(factory.bare, `${target.base_commit}`));
});
