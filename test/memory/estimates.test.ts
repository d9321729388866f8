import { expect, test } from 'vitest';
import { correction, quantile } from '../../servers/core/memory/estimates.ts';
import { estimatesIn } from '../../servers/tasks/estimates.ts';
import { type Agent, startFactory, type TestFactory } from '../harness.ts';
import { leave, REQUEST } from '../tasks/stage.ts';

const MINUTE = 60_000;
const step = (id: string, role: string, more: Record<string, unknown> = {}) => ({
  id,
  role,
  title: id,
  criteria: ['It is done'],
  stops: ['It cannot be done'],
  ...more,
});
/** Three phases without gates: what is measured here is time. */
const feature = {
  pipeline: 'feature',
  title: 'Plan, build, check',
  phases: [
    { id: 'plan', name: 'Plan', on_failure: 'drop', steps: [step('design', 'cto', { writes: ['design'] })] },
    { id: 'build', name: 'Build', on_failure: 'build', steps: [step('implement', 'developer')] },
    {
      id: 'check',
      name: 'Check',
      on_failure: 'build',
      steps: [step('read', 'qa'), step('measure', 'developer')],
    },
  ],
};

type Brief = { estimates: string[] };

/** Runs one pipeline: the cto predicts, the build takes `real` minutes. Gives the cto's brief. */
async function runOnce(factory: TestFactory, agents: Agent[], plan: string, real: number): Promise<Brief> {
  const [ceo, cto, developer, qa] = agents as [Agent, Agent, Agent, Agent];
  await ceo.ok('pipeline_start', { pipeline: 'feature', request: REQUEST });
  const brief = await cto.ok<Brief>('task_checkout');
  await leave(factory, 'cto', 'design', plan);
  await cto.ok('task_complete', { summary: 'Planned.' });
  await developer.ok('task_checkout');
  factory.clock.advance(real * MINUTE);
  await developer.ok('task_complete', { summary: 'Built.' });
  for (const agent of [qa, developer]) {
    await agent.ok('task_checkout');
    await agent.ok('task_complete', { summary: 'Checked.' });
  }
  return brief;
}

test('a prediction is kept, measured, and corrects the next one with its error', async () => {
  const factory = await startFactory({
    servers: ['tasks'],
    pipelines: { feature },
    change: (given) => Object.assign(given, { memory: { required: false }, lease: { beat: 600 } }),
  });
  const agents = await Promise.all(['ceo', 'cto', 'developer', 'qa'].map((name) => factory.agent(name)));
  const plan =
    '# Design\n\nestimate: build 5m\nestimate: measure 0.5h\n- estimate: check 10m\nestimate: nothing 3h\n';

  const first = await runOnce(factory, agents, plan, 10);
  await runOnce(factory, agents, plan, 20);
  const third = await runOnce(factory, agents, plan, 10);

  expect(first.estimates).toEqual([]);
  const rows = await factory.services.store.db.selectFrom('estimates').selectAll().orderBy('task').execute();
  expect(
    rows
      .slice(0, 3)
      .map(({ phase, role, predicted_ms, actual_ms }) => [
        phase,
        role,
        predicted_ms / MINUTE,
        (actual_ms ?? 0) / MINUTE,
      ]),
  ).toEqual([
    ['build', 'developer', 5, 10],
    ['check', 'qa', 10, 0],
    ['check', 'developer', 30, 0],
  ]);
  // Two of them, 2 and 4 times the prediction: the median 3, drawn to 1 by two fifths of its logarithm.
  expect(third.estimates.find((line) => line.startsWith('build by developer'))).toBe(
    'build by developer: n 2, multiply your estimate by 1.6 (middle half 2.5 to 3.5); last took 20m, 10m',
  );
  const shown = await (agents[0] as Agent).ok<Brief>('pipeline_show', { pipeline: 'P-3' });
  expect(shown.estimates.some((line) => line.startsWith('build by developer: n 3'))).toBe(true);
});

test('only whole lines predict, within reason, and the last of a name counts', () => {
  const text = [
    'estimate: build 90m',
    '  Estimate: review 1.5h ',
    'we estimate: test 3h more',
    'estimate: qa -3h',
    'estimate: deploy 0m',
    'estimate: verify 99999h',
    'estimate: build 2h',
    'estimate: spec 3 days',
  ].join('\n');
  expect([...estimatesIn(text)]).toEqual([
    ['build', 120],
    ['review', 90],
  ]);
});

test('a factor stays near 1 while little is known, and half is as far as double', () => {
  expect(correction([])).toBe(1);
  expect(correction([2])).toBeCloseTo(2 ** 0.25);
  expect(correction(Array(27).fill(2))).toBeCloseTo(2 ** 0.9);
  expect(correction([2]) * correction([0.5])).toBeCloseTo(1);
  expect(quantile([1, 2, 3, 4], 0.5)).toBe(2.5);
});
