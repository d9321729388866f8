import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { advanceMain } from '../../../servers/core/git/advance.ts';
import { cloneForAttempt } from '../../../servers/core/git/attempt.ts';
import { headOfMain } from '../../../servers/core/git/authority.ts';
import { candidate, revertCommit } from '../../../servers/core/git/candidate.ts';
import { changes, diffDigest, mergeBase } from '../../../servers/core/git/changes.ts';
import { git, gitLine, type Repo } from '../../../servers/core/git/git.ts';
import { takeIn } from '../../../servers/core/git/intake.ts';
import { parentsOf, treePaths } from '../../../servers/core/git/objects.ts';
import { agentGit, commitIn, landing, ruleOf, site } from './harness.ts';

async function landed(bare: Repo, tip: string, message = 'Land'): Promise<string> {
  const main = await headOfMain(bare);
  const built = await candidate(bare, main, tip, landing(message));
  if (built.kind !== 'merged' && built.kind !== 'fast-forward') throw new Error(built.kind);
  expect(await advanceMain(bare, main, built.commit)).toBe(true);
  return built.commit;
}

const show = (bare: Repo, commit: string, path: string) =>
  git(bare, ['cat-file', 'blob', `${commit}:${path}`]);

test('a branch of two commits lands as one commit of the server on top of mainline', async () => {
  const { bare, clone, submit } = await site();
  const start = await headOfMain(bare);
  const work = await clone('t1-1');
  await commitIn(work, { 'src/b.txt': 'b\n' });
  const tip = await submit(work, 'refs/tasks/t1/1', { 'src/a.txt': 'two\n' });

  const built = await candidate(bare, start, tip, landing('Change a, add b'));

  if (built.kind !== 'fast-forward') throw new Error(built.kind);
  expect(await headOfMain(bare)).toBe(start);
  expect(await advanceMain(bare, start, built.commit)).toBe(true);
  expect(await headOfMain(bare)).toBe(built.commit);
  expect(await parentsOf(bare, built.commit)).toEqual([start]);
  expect(await gitLine(bare, ['log', '-1', '--format=%an %cn %s', built.commit])).toBe(
    'Ada Millwright Change a, add b',
  );
  expect(await treePaths(bare, built.commit)).toEqual(['src/a.txt', 'src/b.txt']);
  expect(await candidate(bare, built.commit, tip, landing('again'))).toEqual({ kind: 'empty' });
});

test('the same landing built twice is the same commit', async () => {
  const { bare, clone, submit } = await site();
  const main = await headOfMain(bare);
  const tip = await submit(await clone('t1-1'), 'refs/tasks/t1/1', { 'src/a.txt': 'two\n' });

  const first = await candidate(bare, main, tip, landing('Same'));

  expect(await candidate(bare, main, tip, landing('Same'))).toEqual(first);
});

test('an agent pulls mainline from the remote "factory" and can not push', async () => {
  const { bare, clone, submit } = await site();
  const first = await clone('t1-1');
  const second = await clone('t2-1');
  const commit = await landed(bare, await submit(first, 'refs/tasks/t1/1', { 'src/a.txt': 'two\n' }));

  await agentGit(second, ['pull', '-q', '--ff-only']);

  expect((await agentGit(second, ['rev-parse', 'HEAD'])).out).toBe(commit);
  expect((await agentGit(second, ['status', '--short', '--branch'])).out).toBe('## t2-1...factory/main');
  for (const target of ['factory', bare.gitDir]) {
    for (const ref of ['refs/heads/main', 'refs/attest/x', 'refs/tasks/t9/1']) {
      const pushed = await agentGit(second, ['push', '-q', '--force', target, `HEAD~1:${ref}`], {
        reject: false,
      });
      expect(pushed.code).not.toBe(0);
    }
  }
  expect(await headOfMain(bare)).toBe(commit);
  expect(await gitLine(bare, ['for-each-ref', '--format=%(refname)'])).toBe(
    'refs/heads/main\nrefs/tasks/t1/1',
  );
});

test('a next attempt can go on from an earlier submission, with objects of its own', async () => {
  const { bare, root, clone, submit } = await site();
  const tip = await submit(await clone('t1-1'), 'refs/tasks/t1/1', { 'src/a.txt': 'two\n' });
  const dir = join(root, 't1-2');

  await cloneForAttempt(bare, dir, { branch: 't1-2', user: landing('').author, start: tip });

  expect((await agentGit(dir, ['rev-parse', 'HEAD'])).out).toBe(tip);
  expect(existsSync(join(dir, '.git/objects/info/alternates'))).toBe(false);
  expect((await agentGit(dir, ['pull', '-q', '--ff-only'])).code).toBe(0);
  const bad = { user: landing('').author, start: tip };
  expect(await ruleOf(cloneForAttempt(bare, join(root, 'x'), { ...bad, branch: '--upload-pack=x' }))).toBe(
    'git.bad-name',
  );
  expect(await ruleOf(cloneForAttempt(bare, join(root, 'y'), { ...bad, branch: 'b', start: '--x' }))).toBe(
    'git.bad-id',
  );
});

test('a review carries over while mainline moved elsewhere, and not when it touched the same file', async () => {
  const content = Array.from({ length: 40 }, (_, line) => `line ${line}\n`);
  const edited = (line: number) => content.with(line, 'edited\n').join('');
  const { bare, clone, submit } = await site([
    { path: 'a.txt', content: content.join('') },
    { path: 'b.txt', content: 'b\n' },
  ]);
  const [work, elsewhere, same] = [await clone('t1-1'), await clone('t2-1'), await clone('t3-1')];
  const tip = await submit(work, 'refs/tasks/t1/1', { 'a.txt': edited(3) });
  const reviewed = diffDigest(await changes(bare, await mergeBase(bare, await headOfMain(bare), tip), tip));
  const digestNow = async () => {
    const main = await headOfMain(bare);
    const built = await candidate(bare, main, tip, landing('Land'));
    if (built.kind !== 'merged') throw new Error(built.kind);
    return diffDigest(await changes(bare, main, built.commit));
  };

  await landed(bare, await submit(elsewhere, 'refs/tasks/t2/1', { 'b.txt': 'c\n' }));
  expect(await digestNow()).toBe(reviewed);

  await landed(bare, await submit(same, 'refs/tasks/t3/1', { 'a.txt': edited(33) }));
  expect(await digestNow()).not.toBe(reviewed);
});

test('a conflict names its paths and moves nothing', async () => {
  const { bare, clone, submit } = await site();
  const [first, second] = [await clone('t1-1'), await clone('t2-1')];
  const main = await landed(
    bare,
    await submit(first, 'refs/tasks/t1/1', { 'src/a.txt': 'two\n', 'src/b.txt': '1' }),
  );
  const tip = await submit(second, 'refs/tasks/t2/1', {
    'src/a.txt': 'three\n',
    'src/b.txt': '2',
    'src/c.txt': 'c',
  });

  const built = await candidate(bare, main, tip, landing('x'));

  expect(built).toEqual({ kind: 'conflict', paths: ['src/a.txt', 'src/b.txt'] });
  expect(await headOfMain(bare)).toBe(main);
});

test('a revert takes back one landing and keeps the later ones', async () => {
  const { bare, clone, submit } = await site();
  const work = await clone('t1-1');
  const bad = await landed(
    bare,
    await submit(work, 'refs/tasks/t1/1', { 'src/a.txt': 'bad\n', 'src/new.txt': 'n' }),
  );
  await agentGit(work, ['fetch', '-q', 'factory']);
  await agentGit(work, ['reset', '-q', '--hard', 'factory/main']);
  const main = await landed(bare, await submit(work, 'refs/tasks/t2/1', { 'src/b.txt': 'later\n' }));

  const built = await revertCommit(bare, main, bad, landing('Revert'));

  if (built.kind !== 'merged') throw new Error(built.kind);
  expect(await parentsOf(bare, built.commit)).toEqual([main]);
  expect(String(await show(bare, built.commit, 'src/a.txt'))).toBe('one\n');
  expect(await treePaths(bare, built.commit)).toEqual(['src/a.txt', 'src/b.txt']);
  expect(await advanceMain(bare, main, built.commit)).toBe(true);
  expect(await revertCommit(bare, built.commit, bad, landing('Again'))).toEqual({ kind: 'empty' });
});

test('a revert of what was changed since is a conflict; of what never landed, refused', async () => {
  const { bare, clone, submit } = await site();
  const work = await clone('t1-1');
  const start = await headOfMain(bare);
  const first = await landed(bare, await submit(work, 'refs/tasks/t1/1', { 'src/a.txt': 'two\n' }));
  await agentGit(work, ['fetch', '-q', 'factory']);
  await agentGit(work, ['reset', '-q', '--hard', 'factory/main']);
  const tip = await submit(work, 'refs/tasks/t2/1', { 'src/a.txt': 'three\n' });
  expect(await ruleOf(revertCommit(bare, first, tip, landing('x')))).toBe('git.not-landed');
  const main = await landed(bare, tip);

  expect(await revertCommit(bare, main, first, landing('x'))).toEqual({
    kind: 'conflict',
    paths: ['src/a.txt'],
  });
  expect(await ruleOf(revertCommit(bare, main, start, landing('x')))).toBe('git.no-single-parent');
});

test('mainline never moves sideways, back, or from a stale head', async () => {
  const { bare, clone, submit } = await site();
  const start = await headOfMain(bare);
  const one = await submit(await clone('t1-1'), 'refs/tasks/t1/1', { 'src/a.txt': 'two\n' });
  const two = await submit(await clone('t2-1'), 'refs/tasks/t2/1', { 'src/b.txt': 'b\n' });
  expect(await advanceMain(bare, start, one)).toBe(true);

  expect(await advanceMain(bare, start, two)).toBe(false);
  expect(await ruleOf(advanceMain(bare, one, two))).toBe('git.not-fast-forward');
  expect(await ruleOf(advanceMain(bare, one, start))).toBe('git.not-fast-forward');
  expect(await headOfMain(bare)).toBe(one);
});

test('eight mergers racing lose no landing', async () => {
  const { bare, clone, submit } = await site();
  const work = await clone('t1-1');
  const start = await headOfMain(bare);
  const tips: string[] = [];
  for (let n = 0; n < 16; n += 1) {
    await agentGit(work, ['reset', '-q', '--hard', start]);
    tips.push(await submit(work, `refs/tasks/t${n}/1`, { [`src/file-${n}.txt`]: `${n}\n` }));
  }
  let lost = 0;
  const merger = async (mine: string[]) => {
    for (const tip of mine) {
      for (;;) {
        const main = await headOfMain(bare);
        const built = await candidate(bare, main, tip, landing(`Land ${tip}`));
        if (built.kind !== 'merged' && built.kind !== 'fast-forward') throw new Error(built.kind);
        if (await advanceMain(bare, main, built.commit)) break;
        lost += 1;
      }
    }
  };

  await Promise.all(Array.from({ length: 8 }, (_, n) => merger(tips.filter((_, at) => at % 8 === n))));

  expect(await treePaths(bare, await headOfMain(bare))).toHaveLength(17);
  expect(await gitLine(bare, ['rev-list', '--count', 'refs/heads/main'])).toBe('17');
  expect(lost).toBeGreaterThan(0);
});

test('a submission extends its reference and never rewrites it', async () => {
  const { bare, clone, submit } = await site();
  const work = await clone('t1-1');
  const first = await submit(work, 'refs/tasks/t1/1', { 'src/a.txt': 'two\n' });
  const second = await submit(work, 'refs/tasks/t1/1', { 'src/a.txt': 'three\n' });
  await agentGit(work, ['commit', '-q', '--amend', '-m', 'rewritten']);
  const amended = (await agentGit(work, ['rev-parse', 'HEAD'])).out;

  const again = (commit: string) => takeIn(bare, { clone: work, commit, ref: 'refs/tasks/t1/1' });

  expect(await ruleOf(again(amended))).toBe('git.rewrite');
  expect(await ruleOf(again(first))).toBe('git.rewrite');
  await again(second);
  expect(await gitLine(bare, ['rev-parse', 'refs/tasks/t1/1'])).toBe(second);
});
