import { expect, test } from 'vitest';
import { gateSite, worker } from './site.ts';

type Status = {
  commit: string | null;
  diff: string | null;
  conditions: {
    name: string;
    state: string;
    why: string;
    evidence: string | null;
    isolation: string | null;
  }[];
  log: { source: string; text: string } | null;
};
const states = ({ conditions }: Status) =>
  Object.fromEntries(conditions.map(({ name, state }) => [name, state]));

test('says what holds for the latest submission, and why not, with the end of the log on request', async () => {
  const site = await gateSite();
  const developer = await worker(site, 'developer');
  const nothing = await developer.ok<Status>('gate_status');
  const submission = await site.submit(developer, {
    'src/add.js': 'export const add = () => 0;\n',
    'README.md': '# Product\n\nIt does not add.\n',
  });
  await developer.ok('gate_run', { gates: ['smoke', 'docs'] });

  const status = await developer.ok<Status>('gate_status', { gate: 'smoke', tail: 4000 });

  expect(new Set(Object.values(states(nothing)))).toEqual(new Set(['open']));
  expect(status).toMatchObject({ commit: submission.commit_id, diff: submission.diff_digest });
  expect(states(status)).toEqual({
    smoke: 'open',
    consistency: 'open',
    docs: 'closed',
    rollback: 'open',
    scan: 'open',
    review: 'open',
    qa: 'open',
    merged: 'open',
  });
  const [smoke, consistency] = status.conditions;
  expect(smoke?.why).toMatch(/^smoke did not pass on [0-9a-f]{12}: the tests failed \(exit code 1\)$/);
  expect(smoke).toMatchObject({ isolation: 'full', evidence: expect.stringMatching(/^[0-9a-f]{64}$/) });
  expect(consistency).toMatchObject({ isolation: null, why: expect.stringContaining('has not run') });
  expect(status.log).toMatchObject({
    source: expect.stringContaining('data'),
    text: expect.stringContaining('fail 1'),
  });
});

test('a reviewer asks about the task of another', async () => {
  const site = await gateSite();
  const developer = await worker(site, 'developer');
  const { commit_id } = await site.submit(developer, { 'README.md': '# Other\n' });
  const reviewer = await site.agent('principal-engineer');

  expect(await reviewer.ok<Status>('gate_status', { task: 'T-1' })).toMatchObject({
    of: 'T-1',
    commit: commit_id,
  });
  expect((await reviewer.call('gate_status')).text).toMatch(/^CONFLICT: You hold no task/);
  expect((await reviewer.call('gate_status', { pipeline: 'P-4' })).text).toMatch(
    /^NOT_FOUND: No pipeline P-4/,
  );
});
