import { expect, test } from 'vitest';
import { reviewState } from '../../servers/core/conditions.ts';
import { advanceMain } from '../../servers/core/git/advance.ts';
import { git } from '../../servers/core/git/git.ts';
import { adoptionPipeline } from '../../servers/repo/adoption.ts';
import { insertPipeline, insertStepTask } from '../../servers/repo/queries.ts';
import { expireLeases, refusedRules, type Site, site, submit } from './site.ts';

const merged = async ({ bare, head }: Site, path: string) =>
  (await git(bare, ['show', `${await head()}:${path}`])).toString();

test('mainline moves to the very commit that closed every gate, and a repeated call says the same', async () => {
  const factory = await site();
  const made = await submit(await factory.worker('developer'), { 'src/b.txt': 'b\n' });
  const engineer = await factory.worker('principal-engineer');
  const merge = () => engineer.call('change_merge', { submission: made.submission });

  expect((await merge()).text).toMatch(
    /^GATE_CLOSED: S-1 can't be merged: smoke \(smoke has not run.*consistency.*docs.*rollback.*scan.*review \(nobody.*qa \(no verdict/,
  );
  await factory.closeGates(made.commit, ['qa', 'scan']);
  expect((await merge()).text).toMatch(/merged: scan \([^;]*\); qa \([^;]*\)\.\n/);
  expect(await factory.head()).toBe(made.base);
  await factory.closeGates(made.commit);

  expect((await merge()).value).toEqual({ submission: 'S-1', commit: made.commit, mainline: made.commit });
  expect(await factory.head()).toBe(made.commit);
  expect((await factory.submission(made.commit)).merged_commit).toBe(made.commit);
  expect((await merge()).value).toMatchObject({ commit: made.commit });
  expect(await refusedRules(factory)).toEqual(['merge.open-gate']);
});

test('of two changes that race, the second is put on the first and judged again; its review counts on', async () => {
  const factory = await site();
  const [one, two] = [await factory.worker('developer'), await factory.worker('developer-2')];
  const first = await submit(one, { 'src/b.txt': 'b\n' });
  const second = await submit(two, { 'src/c.txt': 'c\n' });
  await factory.closeGates(first.commit);
  await factory.closeGates(second.commit);
  const engineer = await factory.worker('principal-engineer');
  const merge = (submission: string) => engineer.call('change_merge', { submission });

  const results = await Promise.all([merge(first.submission), merge(second.submission)]);

  const lost = results.filter(({ isError }) => isError);
  expect(lost).toHaveLength(1);
  const late = results[0]?.isError ? first : second;
  // Who lost the race for the reference itself is told to call again, and only then sees a moved mainline.
  const told = lost[0]?.text.startsWith('CONFLICT') ? await merge(late.submission) : lost[0];
  expect(told?.text).toMatch(
    /^GATE_CLOSED: Mainline has moved\. The change is now S-3, commit [0-9a-f]{40}; open on it: smoke, consistency, docs, rollback, scan, qa\.\nNext: Wait with task_wait for J-1, J-2, then/,
  );
  const row = await factory.services.store.db
    .selectFrom('submissions')
    .selectAll()
    .where('id', '=', 3)
    .executeTakeFirstOrThrow();
  expect(await reviewState(factory.services.store.db, row)).toMatchObject({ state: 'closed' });
  expect(row).toMatchObject({
    base_commit: await factory.head(),
    agent: results[0]?.isError ? 'developer' : 'developer-2',
  });
  const jobs = await factory.services.store.db.selectFrom('jobs').select(['kind', 'input']).execute();
  const commit = row.commit_id;
  expect(jobs.map(({ kind, input }) => [kind, JSON.parse(input)])).toEqual([
    ['gate.run', { commit, gates: ['smoke', 'consistency', 'docs', 'rollback', 'scan'] }],
    ['qa.run', { commit }],
  ]);

  expect((await merge(late.submission)).text).toMatch(/^CONFLICT: S-\d was replaced by S-3/);
  expect((await merge('S-3')).text).toMatch(/^GATE_CLOSED: S-3 can't be merged/);
  await factory.closeGates(row.commit_id);
  expect((await merge('S-3')).value).toMatchObject({ mainline: row.commit_id });
  expect([await merged(factory, 'src/b.txt'), await merged(factory, 'src/c.txt')]).toEqual(['b\n', 'c\n']);
});

test('a review does not count on when mainline touched the same file', async () => {
  const factory = await site();
  const [one, two] = [await factory.worker('developer'), await factory.worker('developer-2')];
  const first = await submit(one, { 'src/a.txt': 'ONE\ntwo\nthree\n' });
  const second = await submit(two, { 'src/a.txt': 'one\ntwo\nthree\nfour\nfive\n' });
  await factory.closeGates(first.commit);
  await factory.closeGates(second.commit);
  const engineer = await factory.worker('principal-engineer');
  await engineer.ok('change_merge', { submission: first.submission });

  const late = await engineer.call('change_merge', { submission: second.submission });

  expect(late.text).toMatch(/open on it: smoke, consistency, docs, rollback, scan, review, qa\./);
});

test('in a pipeline the judgements that no longer hold go to their steps again', async () => {
  const factory = await site();
  const { services } = factory;
  const { factory: definition } = await services.factory();
  const pipeline = adoptionPipeline(definition, 'Two at once');
  const now = factory.clock.now();
  const developer = await factory.worker('developer');
  const made = await submit(developer, { 'src/b.txt': 'b\n' });
  const other = await submit(await factory.worker('developer-2'), { 'src/c.txt': 'c\n' });
  await services.store.transaction(async (tx) => {
    const id = await insertPipeline(tx, { definition: pipeline, request: 'x', createdBy: 'ceo', now });
    const land = pipeline.phases.at(-1);
    const step = land?.steps[0];
    if (!land || !step) throw new Error('no step lands');
    await insertStepTask(tx, {
      step,
      phase: land.id,
      pipeline: id,
      role: step.role,
      round: 1,
      createdBy: 'ceo',
      now,
    });
    await tx.updateTable('submissions').set({ pipeline: id }).where('id', '=', 1).execute();
  });
  await factory.closeGates(made.commit);
  await factory.closeGates(other.commit);
  await (await factory.worker('principal-engineer')).ok('change_merge', { submission: other.submission });
  const lander = await factory.agent('principal-engineer');
  await lander.ok('task_checkout');

  expect((await lander.call('change_merge')).text).toMatch(
    /Next: Wait with task_wait for J-1, J-2, T-\d+, then call change_merge/,
  );

  const qa = await factory.agent('qa');
  const brief = await qa.ok<{ phase: string; closes: string[] }>('task_checkout');
  expect(brief).toMatchObject({ phase: 'qa', closes: ['qa'] });
  await services.store.db.updateTable('pipelines').set({ state: 'dropped' }).execute();
  const last = await services.store.db
    .selectFrom('submissions')
    .selectAll()
    .orderBy('id', 'desc')
    .executeTakeFirstOrThrow();
  await factory.closeGates(last.commit_id);
  expect((await lander.call('change_merge')).text).toMatch(/^CONFLICT: P-1 is dropped/);
});

test('nobody merges a change that holds their own work, by agent or by root session', async () => {
  const factory = await site({
    change: (file: { roles: { developer: { may: string[] } } }) =>
      void file.roles.developer.may.push('change:merge'),
  } as never);
  const developer = await factory.worker('developer');
  const made = await submit(developer, { 'src/b.txt': 'b\n' });
  await factory.closeGates(made.commit);

  expect((await developer.call('change_merge')).text).toMatch(/^FORBIDDEN: S-1 holds your own work/);
  const engineer = await factory.worker('principal-engineer');
  const { root } = await factory.submission(made.commit);
  await factory.services.store.db
    .updateTable('sessions')
    .set({ root })
    .where('agent', '=', 'principal-engineer')
    .execute();
  const same = await engineer.call('change_merge', { submission: made.submission });

  expect(same.text).toMatch(/^FORBIDDEN: S-1 holds your own work/);
  expect(await refusedRules(factory)).toEqual(['merge.self', 'merge.self']);
  expect(await factory.head()).toBe(made.base);
});

test('who lost the lease, or was stopped by a human, merges nothing', async () => {
  const factory = await site();
  const made = await submit(await factory.worker('developer'), { 'src/b.txt': 'b\n' });
  await factory.closeGates(made.commit);
  const engineer = await factory.worker('principal-engineer');
  const { db } = factory.services.store;
  const stop = { scope: 'factory', reason: 'Lunch', at: 0 };
  await db.insertInto('kills').values(stop).execute();

  expect((await engineer.call('change_merge', { submission: 'S-1' })).text).toMatch(
    /^LIMIT: A human stopped factory/,
  );
  await db.deleteFrom('kills').execute();
  await expireLeases(factory);
  expect((await engineer.call('change_merge', { submission: 'S-1' })).text).toMatch(/^LEASE_LOST/);
  expect(await factory.head()).toBe(made.base);
});

test('a merge that reached mainline before its process ended is recorded by the next call, once', async () => {
  const factory = await site();
  const made = await submit(await factory.worker('developer'), { 'src/b.txt': 'b\n' });
  await factory.closeGates(made.commit);
  await advanceMain(factory.bare, made.base, made.commit);
  const next = await submit(await factory.worker('developer-2'), { 'src/c.txt': 'c\n' });
  await factory.closeGates(next.commit);
  const engineer = await factory.worker('principal-engineer');
  await engineer.ok('change_merge', { submission: next.submission });

  await engineer.ok('change_merge', { submission: made.submission });

  expect(await factory.head()).toBe(next.commit);
  const rows = await factory.services.store.db
    .selectFrom('submissions')
    .select(['id', 'merged_commit'])
    .orderBy('id')
    .execute();
  expect(rows).toEqual([
    { id: 1, merged_commit: made.commit },
    { id: 2, merged_commit: next.commit },
  ]);
});
