import { expect, test } from 'vitest';
import { reviewState } from '../../servers/core/conditions.ts';
import { gateSite, refusedRules, worker } from './site.ts';

const GOOD = { 'README.md': '# Product\n\nBetter.\n' };
const FINDING = { file: 'README.md', line: 3, severity: 'major', text: 'Says nothing' };

test('binds the verdict to the diff that was read, and leaves the findings as an artifact', async () => {
  const site = await gateSite();
  const developer = await worker(site, 'developer');
  const submission = await site.submit(developer, GOOD);
  const reviewer = await worker(site, 'principal-engineer');
  const diff = submission.diff_digest;

  const review = await reviewer.ok('review_submit', {
    ...{ verdict: 'reject', diff, summary: 'Not yet', findings: [FINDING], task: 'T-1' },
  });

  expect(review).toMatchObject({ commit: submission.commit_id, verdict: 'reject', diff, artifact: 'A-1' });
  const { db } = site.services.store;
  expect(await reviewState(db, submission)).toMatchObject({ state: 'failed', evidence: diff });
  const artifact = await db.selectFrom('artifacts').selectAll().executeTakeFirstOrThrow();
  expect(artifact).toMatchObject({ name: 'review', task: 2, agent: 'principal-engineer' });
  expect(artifact.body).toContain('- **major** README.md:3: Says nothing');

  const answers = [{ finding: 'F-1', state: 'refuted', evidence: 'Line 3 says what it is for.' }];
  await reviewer.ok('review_submit', { verdict: 'accept', diff, summary: 'Now it is', task: 'T-1', answers });
  expect(await reviewState(db, submission)).toMatchObject({ state: 'closed' });
});

test('nobody reviews their own work: not as the same agent, not in one root, not after others went on with it', async () => {
  const site = await gateSite({
    change: (definition) => {
      const { developer } = definition.roles as unknown as Record<string, { may: string[] }>;
      developer?.may.push('review:submit');
    },
  });
  const { db } = site.services.store;
  const developer = await worker(site, 'developer');
  const own = await site.submit(developer, GOOD);
  const asAgent = await developer.call('review_submit', {
    verdict: 'accept',
    diff: own.diff_digest,
    summary: 'Good',
  });

  const { id: _id, ...carried } = own;
  await db
    .insertInto('submissions')
    .values({ ...carried, agent: 'developer-2', root: 'another' })
    .execute();
  const carriedOn = await developer.call('review_submit', {
    ...{ verdict: 'accept', diff: own.diff_digest, summary: 'Good' },
  });
  const reviewer = await worker(site, 'principal-engineer');
  await db
    .updateTable('sessions')
    .set({ root: own.root })
    .where('agent', '=', 'principal-engineer')
    .execute();
  const given = { verdict: 'accept', diff: own.diff_digest, summary: 'Good', task: 'T-1' };
  const asRoot = await reviewer.call('review_submit', given);

  expect(asAgent.text).toMatch(/^FORBIDDEN: S-1 is your own work/);
  expect(carriedOn.text).toMatch(/^FORBIDDEN: S-2 is your own work/);
  expect(asRoot.text).toMatch(/^FORBIDDEN: S-2 is your own work/);
  expect(await refusedRules(site)).toEqual(['review.self review_submit', 'review.self review_submit']);
  expect(await db.selectFrom('reviews').selectAll().execute()).toEqual([]);
});

test('a diff that was replaced while it was read cannot be accepted', async () => {
  const site = await gateSite();
  const developer = await worker(site, 'developer');
  const { diff_digest: diff } = await site.submit(developer, GOOD);
  const reviewer = await worker(site, 'principal-engineer');
  await site.submit(developer, { ...GOOD, 'src/evil.js': 'steal();\n' });

  const refused = await reviewer.call('review_submit', {
    verdict: 'accept',
    diff,
    summary: 'Good',
    task: 'T-1',
  });

  expect(refused.text).toMatch(/^CONFLICT: The latest diff is [0-9a-f]{64}, not the one you read/);
  expect(await refusedRules(site)).toEqual(['review.stale review_submit']);
});

test.each([
  ['accept with a blocker', { verdict: 'accept', findings: [{ ...FINDING, severity: 'blocker' }] }],
  ['reject without a finding', { verdict: 'reject', findings: [] }],
])('refuses to %s', async (_what, given) => {
  const site = await gateSite();
  const developer = await worker(site, 'developer');
  const { diff_digest: diff } = await site.submit(developer, GOOD);
  const reviewer = await worker(site, 'principal-engineer');

  const refused = await reviewer.call('review_submit', { ...given, diff, summary: 'So', task: 'T-1' });

  expect(refused.text).toMatch(/^INVALID_INPUT: You (accept|reject) a change with/);
  expect(await site.services.store.db.selectFrom('reviews').selectAll().execute()).toEqual([]);
});
