import { expect, test } from 'vitest';
import { machineGateState } from '../../servers/core/conditions.ts';
import { attestations } from '../../servers/core/git/attest.ts';
import { canonicalJson, sha256Hex } from '../../servers/core/signing/canonical.ts';
import { verifyStatement } from '../../servers/core/signing/statement.ts';
import { gateSite, refusedRules, worker } from './site.ts';

type Ran = {
  job: string;
  state: string;
  commit: string;
  gates: { gate: string; closed: boolean; why: string }[];
};
const closed = (ran: Ran) => Object.fromEntries(ran.gates.map((gate) => [gate.gate, gate.closed]));

const GOOD = {
  'src/index.js': "import { add } from './add.js';\nconsole.log(add(2, 2));\n",
  'README.md': '# Product\n\nIt adds.\n',
};

test('closes all five gates on a good change, with signed evidence beside the commit', async () => {
  const site = await gateSite();
  const developer = await worker(site, 'developer');
  const submission = await site.submit(developer, GOOD);

  const ran = await developer.ok<Ran>('gate_run');

  expect(ran).toMatchObject({ state: 'done', commit: submission.commit_id });
  expect(closed(ran)).toEqual({ smoke: true, consistency: true, docs: true, rollback: true, scan: true });
  const { publicKey } = await site.services.key();
  const kept = await attestations(site.authority, submission.commit_id);
  const rows = await site.services.store.db.selectFrom('gate_results').selectAll().orderBy('id').execute();
  expect(kept).toHaveLength(5);
  expect(rows.map(({ gate }) => gate)).toEqual(['smoke', 'consistency', 'docs', 'rollback', 'scan']);
  const digests = kept.map(({ bytes }) => {
    const statement = verifyStatement(bytes, { keys: [publicKey], commit: submission.commit_id });
    expect(statement.subject.tree).toBe(submission.tree_id);
    return sha256Hex(canonicalJson(statement.predicate));
  });
  expect(digests.sort()).toEqual(rows.map(({ digest }) => digest).sort());
  for (const row of rows) expect(row.log_digest).toBe(sha256Hex(row.log));
  expect(rows[0]).toMatchObject({ isolation: 'full', exit: 0, closed: 1, tree_id: submission.tree_id });
});

test('a failing test, an undocumented change and a gate chosen alone', async () => {
  const site = await gateSite();
  const developer = await worker(site, 'developer');
  const { commit_id } = await site.submit(developer, {
    'src/add.js': 'export const add = (a, b) => a - b;\n',
  });

  const ran = await developer.ok<Ran>('gate_run', { gates: ['docs', 'smoke'] });

  expect(ran.gates).toMatchObject([
    { gate: 'smoke', closed: false, why: 'the tests failed (exit code 1)' },
    {
      gate: 'docs',
      closed: false,
      why: expect.stringMatching(/^1 files of code changed and none of README/),
    },
  ]);
  const { factory } = await site.services.factory();
  expect(await machineGateState(site.services.store.db, factory, 'smoke', commit_id)).toMatchObject({
    state: 'open',
  });
});

test('a change without any test that runs does not pass, whatever the command says', async () => {
  const site = await gateSite();
  const developer = await worker(site, 'developer');
  await site.submit(developer, { 'test/add.test.js': null });
  const none = await developer.ok<Ran>('gate_run', { gates: ['smoke'] });
  await site.submit(developer, {
    'package.json': JSON.stringify({ type: 'module', scripts: { test: 'true' } }),
  });
  const silent = await developer.ok<Ran>('gate_run', { gates: ['smoke'] });
  await site.submit(developer, {
    'package.json': JSON.stringify({ type: 'module', scripts: { test: 'node --test || true' } }),
    'test/more.test.js': "import test from 'node:test';\ntest('breaks', () => { throw new Error('no'); });\n",
  });
  const glossed = await developer.ok<Ran>('gate_run', { gates: ['smoke'] });

  expect(none.gates[0]).toMatchObject({ closed: false, why: 'node:test ran, but no test passed' });
  expect(silent.gates[0]).toMatchObject({ closed: false, why: 'no test runner said how many tests passed' });
  expect(glossed.gates[0]).toMatchObject({
    closed: false,
    why: '1 tests failed, though the command ended with 0',
  });
});

test('rollback stays open when what is left after the change fails', async () => {
  const files = {
    'package.json': JSON.stringify({ type: 'module', scripts: { test: 'node --test' } }),
    'test/broken.test.js':
      "import test from 'node:test';\ntest('breaks', () => { throw new Error('old'); });\n",
  };
  const site = await gateSite({ files });
  const developer = await worker(site, 'developer');
  await site.submit(developer, {
    'test/broken.test.js': "import test from 'node:test';\ntest('holds', () => {});\n",
  });

  const ran = await developer.ok<Ran>('gate_run', { gates: ['smoke', 'rollback'] });

  expect(ran.gates).toMatchObject([
    { gate: 'smoke', closed: true },
    { gate: 'rollback', closed: false, why: 'after taking the change back, the tests failed (exit code 1)' },
  ]);
});

test('runs on submissions of the own task only', async () => {
  const site = await gateSite();
  const [first, second] = [await worker(site, 'developer'), await worker(site, 'developer-2', 'developer')];
  const early = await second.call('gate_run');
  const { commit_id } = await site.submit(first, GOOD);
  const foreign = await second.call('gate_run', { commit: commit_id });
  const main = await second.call('gate_run', { commit: 'a'.repeat(40) });

  expect(early.text).toMatch(/^CONFLICT: Your task has no submission/);
  expect(foreign.text).toMatch(/^CONFLICT: That commit is no submission of your task/);
  expect(main.text).toMatch(/^CONFLICT/);
  expect(new Set(await refusedRules(site))).toEqual(new Set(['gate.no-submission gate_run']));
  expect(await site.services.store.db.selectFrom('jobs').selectAll().execute()).toEqual([]);
});

test('an earlier commit of the task can be judged again, and its evidence stays its own', async () => {
  const site = await gateSite();
  const developer = await worker(site, 'developer');
  const before = await site.submit(developer, GOOD);
  const after = await site.submit(developer, { 'src/add.js': 'export const add = () => 0;\n' });

  await developer.ok<Ran>('gate_run', { gates: ['smoke'], commit: before.commit_id });
  await developer.ok<Ran>('gate_run', { gates: ['smoke'] });

  const { factory } = await site.services.factory();
  const state = async (commit: string) =>
    (await machineGateState(site.services.store.db, factory, 'smoke', commit)).state;
  expect([await state(before.commit_id), await state(after.commit_id)]).toEqual(['closed', 'open']);
});

test('a lockfile that cannot be installed leaves the gate open and says so', async () => {
  const site = await gateSite();
  const developer = await worker(site, 'developer');
  await site.submit(developer, { 'package-lock.json': '{ not json' });

  const ran = await developer.ok<Ran>('gate_run', { gates: ['smoke'] });

  expect(ran.gates[0]).toMatchObject({
    closed: false,
    why: expect.stringMatching(/can't be installed from its package-lock\.json/),
  });
});
