import { expect, test } from 'vitest';
import { findLesson } from '../../servers/memory/lesson_queries.ts';
import { type GateSite, gateSite } from '../gates/site.ts';
import type { Agent } from '../harness.ts';
import { create, REQUEST, sessionOf } from '../tasks/stage.ts';

const WRONG = 'export const add = (a, b) => a - b;\n';
const WRONG_ELSEWHERE = `// Adds.\n\n\n${WRONG}`;
const RIGHT = '// Adds.\nexport const add = (a, b) => a + b;\n';
const SAYS = {
  root_cause: 'The sign in add was turned around.',
  fix: 'Add, and run the test before the commit.',
  prevention: 'Run node --test before you submit a change of src/add.js.',
};

type Ran = { gates: { gate: string; closed: boolean; digest: string }[]; lessons: string[] };
type Brief = { task: string; title: string; lessons: string[]; round: number };

const options = {
  servers: ['tasks', 'gates', 'memory'],
  change: (given: Record<string, never>) =>
    Object.assign(given, { memory: { required: false }, lease: { beat: 600 } }),
};

/** Time passes between what agents do. */
const later = (site: GateSite) => site.clock.advance(1_000);

/** The holder submits src/add.js as given and has the smoke gate run. */
async function build(site: GateSite, developer: Agent, source: string): Promise<Ran> {
  later(site);
  await site.submit(developer, { 'src/add.js': source });
  later(site);
  return developer.ok<Ran>('gate_run', { gates: ['smoke'] });
}

async function smokeLog(developer: Agent): Promise<string> {
  const { log } = await developer.ok<{ log: { text: string } }>('gate_status', {
    gate: 'smoke',
    tail: 4_000,
  });
  return log.text;
}

const outcomes = async (site: GateSite) =>
  (await site.services.store.db.selectFrom('lesson_uses').selectAll().orderBy('id').execute()).map(
    ({ task, matched_by, outcome }) => `T-${task} ${matched_by} ${outcome}`,
  );

test('a failure in one task becomes a lesson, prevents the same in the next, and is rewritten when it no longer does', async () => {
  const site = await gateSite(options);
  const ceo = await site.agent('ceo');
  const developer = await site.agent('developer');
  await create(ceo, 'developer', { title: 'Build it' });
  await developer.ok('task_checkout');

  const failed = await build(site, developer, WRONG);
  expect(failed).toMatchObject({ gates: [{ closed: false }], lessons: [] });
  const { lesson } = await developer.ok<{ lesson: string }>('lesson_record', {
    ...SAYS,
    triggers: ['src/add.js'],
    error: await smokeLog(developer),
    evidence: [failed.gates[0]?.digest],
  });
  const again = await build(site, developer, WRONG_ELSEWHERE);
  expect(again.lessons).toEqual([
    expect.stringContaining(`${lesson} [this failure was seen before; by developer]`),
  ]);
  await developer.ok('task_complete', { summary: 'Done and seen.' });

  await create(ceo, 'developer', { title: 'Extend it', description: 'Change src/add.js, in a small way.' });
  const brief = await developer.ok<Brief>('task_checkout');
  expect(brief.lessons).toEqual([
    expect.stringContaining(`${lesson} [touches src/add.js; by developer] ${SAYS.prevention}`),
  ]);
  expect((await build(site, developer, `${RIGHT}// More.\n`)).gates).toMatchObject([{ closed: true }]);
  await developer.ok('task_complete', { summary: 'Done and seen.' });
  expect(await outcomes(site)).toEqual(['T-2 path prevented']);

  for (const title of ['Careless', 'Careless again']) {
    await create(ceo, 'developer', { title, description: 'Change src/add.js.' });
    expect((await developer.ok<Brief>('task_checkout')).lessons).toHaveLength(1);
    await build(site, developer, WRONG);
    await developer.ok('task_complete', { summary: 'Done, I think.' });
  }

  expect(await outcomes(site)).toEqual(['T-2 path prevented', 'T-3 path repeated', 'T-4 path repeated']);
  expect(await findLesson(site.services.store.db, Number(lesson.slice(2)))).toMatchObject({
    state: 'rewrite',
  });
  const rewrite = await developer.ok<Brief>('task_checkout');
  expect(rewrite.title).toBe(`Rewrite lesson ${lesson}: its failure came again`);
  await developer.ok('task_complete', { summary: 'Recorded a better one.' });
  expect((await developer.call('task_checkout')).text).toMatch(/^NOT_FOUND: No task is ready/);
});

const step = (id: string, role: string, more: Record<string, unknown> = {}) => ({
  id,
  role,
  title: id,
  criteria: ['It holds'],
  stops: ['It cannot be seen'],
  ...more,
});
const feature = {
  pipeline: 'feature',
  title: 'Build and test',
  rounds: 4,
  phases: [
    { id: 'build', name: 'Build', on_failure: 'drop', steps: [step('implement', 'developer')] },
    { id: 'test', name: 'Test', on_failure: 'build', steps: [step('test', 'qa', { closes: ['qa'] })] },
  ],
};
const reasons = (line: number) => [
  `qa.probe: the probe proved 1: blocker, markup of a visitor runs (GET /wall:${line})`,
];

/** QA's verdict on the newest submission, as qa_verdict leaves it. */
async function fail(site: GateSite, line: number): Promise<string> {
  const { db } = site.services.store;
  const { commit_id, tree_id, pipeline } = await db
    .selectFrom('submissions')
    .selectAll()
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirstOrThrow();
  const { agent, root, task } = await sessionOf(site, 'qa');
  const digest = String(line).padStart(64, '0');
  later(site);
  await db
    .insertInto('verdicts')
    .values({
      commit_id,
      tree_id,
      pipeline,
      verdict: 'FAIL',
      reasons: JSON.stringify(reasons(line)),
      digest,
      task,
      agent,
      root,
      created_at: site.clock.now(),
    })
    .execute();
  return digest;
}

test('a FAIL that sends work back brings its lesson, and shows later whether it was repeated', async () => {
  const site = await gateSite({ ...options, pipelines: { feature } });
  const [ceo, developer, qa] = [
    await site.agent('ceo'),
    await site.agent('developer'),
    await site.agent('qa'),
  ];
  await ceo.ok('pipeline_start', { pipeline: 'feature', request: REQUEST });
  const round = async (source: string) => {
    later(site);
    const brief = await developer.ok<Brief>('task_checkout');
    await site.submit(developer, { 'src/add.js': source });
    await developer.ok('task_complete', { summary: 'Built.' });
    await qa.ok('task_checkout');
    return brief;
  };

  await round(RIGHT);
  const digest = await fail(site, 1);
  const { lesson } = await qa.ok<{ lesson: string }>('lesson_record', {
    ...SAYS,
    error: reasons(9).join(),
    evidence: [digest],
  });
  await qa.ok('task_complete', { summary: 'FAIL: markup runs.' });

  const second = await round(`${RIGHT}//\n`);
  expect(second).toMatchObject({
    round: 2,
    lessons: [expect.stringContaining(`${lesson} [this failure was seen before; by qa]`)],
  });
  expect(await outcomes(site)).toEqual(['T-3 signature prevented']);
  await fail(site, 2);
  await qa.ok('task_complete', { summary: 'FAIL: markup runs still.' });

  expect(await outcomes(site)).toEqual(['T-3 signature repeated']);
});
