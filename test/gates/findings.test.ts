import { expect, test } from 'vitest';
import { reviewState } from '../../servers/core/conditions.ts';
import { gateSite, refusedRules, worker } from './site.ts';

const at = (line: number, severity: string) => ({
  file: 'README.md',
  line,
  severity,
  text: `Wrong in ${line}`,
});
const better = (text: string) => ({ 'README.md': `# Product\n\n${text}\n` });

test('what a review found keeps the review open until each is fixed or refuted, over all rounds', async () => {
  const site = await gateSite();
  const { db } = site.services.store;
  const developer = await worker(site, 'developer');
  const reviewer = await worker(site, 'principal-engineer');
  const first = await site.submit(developer, better('One.'));
  const judge = (verdict: string, diff: string, more: object = {}) =>
    reviewer.call('review_submit', { verdict, diff, summary: 'Read whole.', task: 'T-1', ...more });
  const answers = (...list: [finding: string, state: string][]) => ({
    answers: list.map(([finding, state]) => ({
      finding,
      state,
      evidence: 'Line 3 is gone, seen in the diff.',
    })),
  });

  const rejected = await judge('reject', first.diff_digest, {
    findings: [at(3, 'major'), at(4, 'minor'), at(5, 'blocker')],
  });
  expect(rejected.value).toMatchObject({ open: ['F-1', 'F-3'] });
  expect((await judge('accept', first.diff_digest, answers(['F-1', 'fixed']))).text).toMatch(
    /^CONFLICT: F-1 was found in this very diff/,
  );

  const second = await site.submit(developer, better('Two.'));
  expect(await reviewState(db, second)).toMatchObject({
    state: 'open',
    why: 'nobody else has reviewed this diff; open: F-1 major README.md:3: Wrong in 3; F-3 blocker README.md:5: Wrong in 5',
  });
  const early = await judge('accept', second.diff_digest, answers(['F-1', 'fixed']));
  expect(early.text).toMatch(/^GATE_CLOSED: 1 of this change's findings are open: F-3 blocker README\.md:5/);
  expect((await judge('accept', second.diff_digest, answers(['F-9', 'refuted']))).text).toMatch(
    /^NOT_FOUND: F-9 is no open finding/,
  );
  expect((await judge('accept', second.diff_digest, { findings: [at(1, 'major')] })).text).toMatch(
    /^INVALID_INPUT: You accept a change with a finding that is not minor/,
  );
  expect(await db.selectFrom('findings').select('id').where('state', '<>', 'open').execute()).toEqual([]);

  const stays = await judge('reject', second.diff_digest, answers(['F-1', 'fixed']));
  expect(stays.value).toMatchObject({ open: ['F-3'] });
  const accepted = await judge('accept', second.diff_digest, {
    ...answers(['F-3', 'refuted']),
    findings: [at(2, 'minor')],
  });
  expect(accepted.value).toMatchObject({ open: [] });
  expect(await reviewState(db, second)).toMatchObject({ state: 'closed' });
  const rows = await db.selectFrom('findings').selectAll().orderBy('id').execute();
  expect(rows.map(({ id, state, answered_by }) => [id, state, answered_by])).toEqual([
    [1, 'fixed', 2],
    [2, 'open', null],
    [3, 'refuted', 3],
    [4, 'open', null],
  ]);
  const body = (
    await db.selectFrom('artifacts').select('body').orderBy('id', 'desc').executeTakeFirstOrThrow()
  ).body;
  expect(body).toContain('- F-3 refuted: Line 3 is gone, seen in the diff.');
  expect(await refusedRules(site)).toEqual([
    'review.not-fixed review_submit',
    'review.open-findings review_submit',
    'review.no-finding review_submit',
    'review.contradiction review_submit',
  ]);

  const third = await site.submit(developer, better('Three.'));
  await judge('reject', third.diff_digest, { findings: [at(9, 'blocker')] });
  const again = await site.submit(developer, better('Two.'));
  expect(again.diff_digest).toBe(second.diff_digest);
  expect(await reviewState(db, again)).toMatchObject({
    state: 'open',
    why: 'accepted by principal-engineer; open: F-5 blocker README.md:9: Wrong in 9',
  });
});

test('a factory may ask for several reviews of a diff, each by another model', async () => {
  const site = await gateSite({
    change: (definition) => {
      Object.assign(definition, { review: { rounds: 2, models: 'different' } });
    },
  });
  const { db } = site.services.store;
  const { factory } = await site.services.factory();
  const developer = await worker(site, 'developer');
  const reviewer = await worker(site, 'principal-engineer');
  const submission = await site.submit(developer, better('One.'));
  const accept = () =>
    reviewer.ok('review_submit', {
      ...{ verdict: 'accept', diff: submission.diff_digest, summary: 'Read whole.', task: 'T-1' },
    });
  const state = async (review = factory.review) => (await reviewState(db, submission, review)).why;
  const session = await db
    .selectFrom('sessions')
    .select('id')
    .where('agent', '=', 'principal-engineer')
    .executeTakeFirstOrThrow();
  const run = (model: string) =>
    db
      .insertInto('spawns')
      .values({
        ...{
          role: 'principal-engineer',
          agent: 'principal-engineer',
          task: 2,
          message: '',
          state: 'running',
        },
        ...{ root: 'r', requested_by: 'ceo', requested_at: 1, taken_at: 1, session: session.id, model },
      })
      .execute();

  await accept();
  expect(await state()).toBe('0 of 2 reviews by different models accepted this diff');
  await run('opus');
  await accept();
  await accept();
  expect(await state()).toBe('1 of 2 reviews by different models accepted this diff');
  expect(await state({ rounds: 4, models: 'any' })).toBe('3 of 4 reviews accepted this diff');
  await run('gpt');
  await accept();
  expect(await state()).toBe('accepted by principal-engineer');
  expect(await state({ rounds: 5, models: 'any' })).toBe('4 of 5 reviews accepted this diff');
});
