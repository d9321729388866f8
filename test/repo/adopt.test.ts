import { execa } from 'execa';
import { expect, test } from 'vitest';
import { adoptCommit } from '../../servers/repo/adopt.ts';
import { agentGit, commitIn, tempDir } from '../core/git/harness.ts';
import { type Site, site } from './site.ts';

async function checkout(factory: Site): Promise<string> {
  const dir = await tempDir();
  await execa('git', ['clone', '-q', '--no-hardlinks', factory.bare.gitDir, dir]);
  return dir;
}

test("a person's commit goes through the gates of every change, in order", async () => {
  const factory = await site();
  const repository = await checkout(factory);
  const commit = await commitIn(repository, { 'CLAUDE.md': 'Be kind.\n', 'src/b.txt': 'b\n' });

  const adopted = await adoptCommit(factory.services, { repository, commit, human: 'ada' });

  expect(adopted).toMatchObject({ pipeline: 'P-1', task: 'T-1', submission: 'S-1' });
  expect(await factory.submission(adopted.commit)).toMatchObject({
    agent: 'human:ada',
    root: 'human:ada',
    pipeline: 1,
  });
  const tasks = await factory.services.store.db
    .selectFrom('tasks')
    .select(['step', 'role', 'state'])
    .orderBy('id')
    .execute();
  expect(tasks.map(({ step, role, state }) => `${step} ${role} ${state}`)).toEqual([
    'adopt human done',
    'gates qa ready',
    'review principal-engineer waiting',
    'qa qa waiting',
    'land principal-engineer waiting',
  ]);
  const qa = await factory.agent('qa');
  await qa.ok('task_checkout');
  expect((await qa.call('task_complete', { summary: 'Ran them' })).text).toMatch(
    /^GATE_CLOSED: T-2 is not complete: smoke has not run/,
  );
  await factory.closeGates(adopted.commit);
  const engineer = await factory.agent('principal-engineer');
  await qa.ok('task_complete', { summary: 'Ran them' });
  await engineer.ok('task_checkout');
  await engineer.ok('task_complete', { summary: 'Read it' });
  await qa.ok('task_checkout');
  await qa.ok('task_complete', { summary: 'Tried it' });
  await engineer.ok('task_checkout');
  await engineer.ok('change_merge');
  await engineer.ok('task_complete', { summary: 'Merged' });

  expect(await factory.head()).toBe(adopted.commit);
  const run = await factory.services.store.db
    .selectFrom('pipelines')
    .select('state')
    .executeTakeFirstOrThrow();
  expect(run.state).toBe('done');
  await agentGit(repository, ['reset', '-q', '--hard', 'origin/main']);
  await agentGit(repository, ['pull', '-q', '--ff-only', 'origin', 'main']);
});

test('the form of paths and the shape of the repository hold for people too', async () => {
  const factory = await site();
  const repository = await checkout(factory);
  const commit = await commitIn(repository, { 'readme.md': 'Two spellings\n' });
  const adopt = (id: string) => adoptCommit(factory.services, { repository, commit: id, human: 'ada' });

  await expect(adopt(commit)).rejects.toMatchObject({ code: 'FORBIDDEN', rule: 'path.form' });
  await expect(adopt('0'.repeat(40))).rejects.toMatchObject({
    code: 'INVALID_INPUT',
    rule: 'git.unknown-commit',
  });
  expect(await factory.services.store.db.selectFrom('pipelines').selectAll().execute()).toEqual([]);
});
