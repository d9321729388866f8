import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { readDefinition } from '../../servers/core/factory/create.ts';
import { type Agent, startFactory, type TestFactory } from '../harness.ts';
import { create, decide, judge, leave, pass, REQUEST, states } from './stage.ts';

const servers = ['tasks'];
const summary = 'Every criterion was seen.';
const done = (agent: Agent) => agent.call('task_complete', { summary });
const failed = (agent: Agent) => agent.call('task_complete', { summary, outcome: 'failed' });

/** A product pipeline up to the point where trend holds its first task. */
async function scouting(): Promise<{ factory: TestFactory; ceo: Agent; trend: Agent }> {
  const factory = await startFactory({ servers });
  const ceo = await factory.agent('ceo');
  await ceo.ok('pipeline_start', { pipeline: 'product', request: REQUEST });
  const trend = await factory.agent('trend');
  await trend.ok('task_checkout');
  return { factory, ceo, trend };
}

/** One where the ceo holds the task that accepts the brief. */
async function accepting() {
  const scene = await scouting();
  const brief = await leave(scene.factory, 'trend', 'brief', 'score: 34');
  await scene.trend.ok('task_complete', { summary });
  await scene.ceo.ok('task_checkout');
  return { ...scene, brief };
}

test('a task of its own is done when its holder says so, once', async () => {
  const factory = await startFactory({ servers });
  const ceo = await factory.agent('ceo');
  const task = await create(ceo, 'developer');
  const developer = await factory.agent('developer');
  await developer.ok('task_checkout');

  expect(await developer.ok('task_complete', { summary })).toEqual({
    task,
    outcome: 'done',
    next: 'Call task_checkout for what is ready now.',
  });
  expect((await done(developer)).text).toMatch(/^CONFLICT: You hold no task\./);
  expect(await ceo.ok('task_show', { task })).toMatchObject({
    state: 'done',
    outcome: summary,
    holder: null,
  });
});

test('a task of its own that failed is blocked for its creator', async () => {
  const factory = await startFactory({ servers });
  const ceo = await factory.agent('ceo');
  const task = await create(ceo, 'developer');
  const developer = await factory.agent('developer');
  await developer.ok('task_checkout');

  expect((await failed(developer)).value).toMatchObject({ outcome: 'failed' });
  expect(await states(ceo)).toEqual({ [task]: 'blocked' });
});

test('a step needs its artifact, with a score that is high enough and said once', async () => {
  const { factory, trend, ceo } = await scouting();

  expect((await done(trend)).text).toBe(
    'GATE_CLOSED: T-1 is not complete: artifact "brief" is missing.\nNext: Leave it with artifact_put, named "brief".',
  );
  await leave(factory, 'trend', 'brief', 'All is well.');
  expect((await done(trend)).text).toMatch(/"brief" states no score/);
  await leave(factory, 'trend', 'brief', 'score: 34\nscore: 12');
  expect((await done(trend)).text).toMatch(/"brief" states no score/);
  await leave(factory, 'trend', 'brief', 'score: 29');
  expect((await done(trend)).text).toMatch(/the score is 29, below 30/);
  expect(await states(ceo)).toMatchObject({ 'T-1': 'active', 'T-2': 'waiting' });

  await leave(factory, 'trend', 'brief', 'score: 30');
  expect((await done(trend)).isError).toBe(false);
  expect(await states(ceo)).toMatchObject({ 'T-1': 'done', 'T-2': 'ready' });
});

test('an artifact that an earlier holder left does not count', async () => {
  const { factory, trend } = await scouting();
  await leave(factory, 'trend', 'brief', 'score: 34');
  await trend.ok('task_return', { why: 'Out of time.' });
  await trend.ok('task_checkout');

  expect((await done(trend)).text).toMatch(/artifact "brief" is missing/);
});

test('accepting needs the own judgement of the newest version, and the decision of the human on it', async () => {
  const { factory, ceo, brief } = await accepting();

  expect((await done(ceo)).text).toMatch(
    /"brief" is neither accepted nor rejected; the human has not decided on opportunity-brief\.\nNext: Read it, then call artifact_review on A-1\./,
  );
  await judge(factory, 'trend', brief, 'accept');
  expect((await done(ceo)).text).toMatch(/"brief" is neither accepted nor rejected/);
  await judge(factory, 'ceo', brief, 'accept');
  await decide(factory, 'opportunity-brief', brief, 'open');
  expect((await done(ceo)).text).toMatch(/not complete: opportunity-brief waits for the human\./);
  await factory.services.store.db
    .updateTable('checkpoints')
    .set({ digest: 'of another brief', state: 'approved' })
    .execute();
  expect((await done(ceo)).text).toMatch(/the human has not decided on opportunity-brief/);

  await decide(factory, 'opportunity-brief', brief, 'approved');
  expect((await done(ceo)).value).toMatchObject({ outcome: 'done' });
});

test.each(['rejected by its judge', 'refused by the human', 'not decided in time'])(
  'a brief %s drops the pipeline, whatever its holder says',
  async (how) => {
    const { factory, ceo, brief } = await accepting();
    await judge(factory, 'ceo', brief, how === 'rejected by its judge' ? 'reject' : 'accept');
    await decide(factory, 'opportunity-brief', brief, how === 'refused by the human' ? 'rejected' : 'open');
    if (how === 'not decided in time')
      await factory.services.store.db.updateTable('checkpoints').set({ expires_at: 1 }).execute();

    expect((await done(ceo)).value).toMatchObject({ outcome: 'failed', next: 'P-1 is dropped.' });
    expect(await ceo.ok('pipeline_show', { pipeline: 'P-1' })).toMatchObject({ state: 'dropped' });
    expect(
      Object.values(await states(ceo)).filter((state) => !['done', 'cancelled'].includes(state)),
    ).toEqual([]);
  },
);

test('a step does not complete before its conditions hold', async () => {
  const factory = await startFactory({ servers });
  const ceo = await factory.agent('ceo');
  await ceo.ok('pipeline_start', { pipeline: 'fix', request: REQUEST });
  const qa = await factory.agent('qa');
  await qa.ok('task_checkout');
  await leave(factory, 'qa', 'bug-report', 'It does not answer.');
  await qa.ok('task_complete', { summary });
  const developer = await factory.agent('developer');
  const brief = await developer.ok('task_checkout');

  expect(brief).toMatchObject({ inputs: [{ name: 'bug-report', body: 'It does not answer.' }] });
  expect((await done(developer)).text).toMatch(/^GATE_CLOSED: T-2 is not complete: no change was submitted/);
});

/** A pipeline of two phases, the second of which leads back to the first, with two steps side by side. */
const LOOP = {
  pipeline: 'fix',
  title: 'A loop',
  rounds: 2,
  phases: [
    {
      id: 'build',
      name: 'Build',
      on_failure: 'build',
      steps: [step('build', 'developer', { writes: ['change'] })],
    },
    {
      id: 'test',
      name: 'Test',
      on_failure: 'build',
      steps: [step('test', 'qa', { writes: ['report'] }), step('read', 'cto'), step('look', 'cmo')],
    },
  ],
};

function step(id: string, role: string, more = {}) {
  return { id, role, title: id, criteria: ['c'], stops: ['s'], ...more };
}

async function looping() {
  const factory = await startFactory({ servers, pipelines: { fix: LOOP } });
  const ceo = await factory.agent('ceo');
  await ceo.ok('pipeline_start', { pipeline: 'fix', request: REQUEST });
  return { factory, ceo };
}

async function build(factory: TestFactory, developer: Agent) {
  await developer.ok('task_checkout');
  await leave(factory, 'developer', 'change', 'v');
  await developer.ok('task_complete', { summary });
}

test('a failure cancels the rest of its round and starts a new one from the report, up to the bound', async () => {
  const { factory, ceo } = await looping();
  const [developer, qa, cto, cmo] = [
    await factory.agent('developer'),
    await factory.agent('qa'),
    await factory.agent('cto'),
    await factory.agent('cmo'),
  ];
  await build(factory, developer);
  await qa.ok('task_checkout');
  await cto.ok('task_checkout');
  await cmo.ok('task_checkout');
  await cmo.ok('task_block', { why: 'There is nothing to look at.' });
  await leave(factory, 'qa', 'report', 'The button does nothing.');

  expect((await failed(qa)).value).toEqual({
    task: 'T-2',
    outcome: 'failed',
    next: 'Round 2 starts at build.',
  });
  expect(await states(ceo)).toEqual({
    'T-1': 'done',
    'T-2': 'cancelled',
    'T-3': 'cancelled',
    'T-4': 'cancelled',
    'T-5': 'ready',
    'T-6': 'waiting',
    'T-7': 'waiting',
    'T-8': 'waiting',
  });
  expect((await done(cto)).text).toMatch(/^LEASE_LOST: You no longer hold T-3/);

  const brief = await developer.ok('task_checkout');
  expect(brief).toMatchObject({ round: 2, inputs: [{ name: 'report', body: 'The button does nothing.' }] });
  await leave(factory, 'developer', 'change', 'w');
  await developer.ok('task_complete', { summary });
  await qa.ok('task_checkout');
  expect((await failed(qa)).value).toMatchObject({ next: 'P-1 failed 2 rounds and waits for the human.' });
  expect(await ceo.ok('pipeline_show', { pipeline: 'P-1' })).toMatchObject({ state: 'blocked' });
});

test('without an artifact the words of the failure are the report', async () => {
  const { factory } = await looping();
  const developer = await factory.agent('developer');
  await build(factory, developer);
  const cto = await factory.agent('cto');
  await cto.ok('task_checkout');
  await failed(cto);

  const { inputs } = await developer.ok<{ inputs: { name: string; body: string }[] }>('task_checkout');
  expect(inputs).toMatchObject([{ name: 'report', body: expect.stringContaining(summary) }]);
});

test('a pipeline is done when its last step is', async () => {
  const { factory, ceo } = await looping();
  await build(factory, await factory.agent('developer'));
  await pass(await factory.agent('cto'));
  await pass(await factory.agent('cmo'));
  const qa = await factory.agent('qa');
  await qa.ok('task_checkout');
  await leave(factory, 'qa', 'report', 'r');

  expect((await done(qa)).value).toMatchObject({ next: 'P-1 is done.' });
  expect(await ceo.ok('pipeline_show', { pipeline: 'P-1' })).toMatchObject({ state: 'done' });
});

test('a release that came back adds a rollback step, and the pipeline ends as dropped', async () => {
  const shipped = await readDefinition('c-suite');
  const fix = parse(shipped['pipelines/fix.yaml'] ?? '');
  const factory = await startFactory({
    servers,
    pipelines: { fix: { ...fix, phases: fix.phases.slice(-1) } },
  });
  const ceo = await factory.agent('ceo');
  await ceo.ok('pipeline_start', { pipeline: 'fix', request: REQUEST });
  const cto = await factory.agent('cto');
  await cto.ok('task_checkout');
  await failed(cto);

  const infra = await factory.agent('infra');
  expect(await infra.ok('task_checkout')).toMatchObject({ task: 'T-2', leaves: ['incident'], round: 2 });
  await leave(factory, 'infra', 'incident', 'The page did not answer.');
  expect((await done(infra)).value).toMatchObject({ next: 'P-1 is dropped.' });
});

test('a change that cannot be landed goes back to the phase it was built in, while nothing was released', async () => {
  const shipped = await readDefinition('c-suite');
  const product = parse(shipped['pipelines/product.yaml'] ?? '');
  const phases = product.phases.filter((phase: { id: string }) => ['build', 'deploy'].includes(phase.id));
  for (const phase of phases) {
    phase.steps = phase.steps.filter((step: { id: string }) => ['build', 'land'].includes(step.id));
    for (const step of phase.steps) Object.assign(step, { after: [], reads: [], closes: [] });
  }
  const factory = await startFactory({ servers, pipelines: { product: { ...product, phases } } });
  const ceo = await factory.agent('ceo');
  await ceo.ok('pipeline_start', { pipeline: 'product', request: REQUEST });
  const developer = await factory.agent('developer');
  await developer.ok('task_checkout');
  await done(developer);
  await factory.services.store.db
    .insertInto('submissions')
    .values({
      task: 1,
      pipeline: 1,
      fence: 1,
      commit_id: 'a'.repeat(40),
      tree_id: 'b'.repeat(40),
      base_commit: 'c'.repeat(40),
      diff_digest: 'd'.repeat(64),
      agent: 'developer',
      root: 'root',
      session: 'session',
      created_at: 1,
      merged_commit: null,
      merged_at: null,
    })
    .execute();
  const engineer = await factory.agent('principal-engineer');
  await engineer.ok('task_checkout');

  expect((await failed(engineer)).value).toMatchObject({ next: 'Round 2 starts at build.' });
});
