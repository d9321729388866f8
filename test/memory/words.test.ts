import { expect, test } from 'vitest';
import { type Figures, isWorse } from '../../servers/core/memory/figures.ts';
import { parseWords, readRole } from '../../servers/core/words.ts';
import { type Agent, startFactory, type TestFactory } from '../harness.ts';
import { create, judge, leave } from '../tasks/stage.ts';
import { read } from '../words/sources.ts';

const withoutMemory = (given: Record<string, never>) =>
  Object.assign(given, { memory: { required: false }, lease: { beat: 600 } });
const start = () => startFactory({ change: withoutMemory });
const BETTER = read('prompts/developer.md').replace(
  '## Stop',
  '## Stop\n- The page stays white: `task_block`.',
);

interface Cast {
  factory: TestFactory;
  ceo: Agent;
  cto: Agent;
  developer: Agent;
}

async function cast(): Promise<Cast> {
  const factory = await start();
  const [ceo, cto, developer] = await Promise.all(
    ['ceo', 'cto', 'developer'].map((name) => factory.agent(name)),
  );
  return { factory, ceo, cto, developer } as Cast;
}

/** The cto leaves these words; gives what handing them in answers. */
async function propose({ factory, ceo, cto }: Cast, text: string) {
  await ceo.ok('pipeline_start', { pipeline: 'words', request: 'Words of developer: better ones.' });
  await cto.ok('task_checkout');
  const artifact = await leave(factory, 'cto', 'words', text);
  return { artifact, answer: await cto.call('task_complete', { summary: 'Answers what failed.' }) };
}

async function accept(scene: Cast, text: string): Promise<void> {
  const { artifact, answer } = await propose(scene, text);
  expect(answer.text).not.toMatch(/GATE_CLOSED/);
  await scene.ceo.ok('task_checkout');
  await judge(scene.factory, 'ceo', artifact, 'accept');
  await scene.ceo.ok('task_complete', { summary: 'Accepted.' });
}

/** The developer does so many small tasks, and loses its lease in the first `lapsed` of them. */
async function work({ factory, ceo, developer }: Cast, count: number, lapsed = 0): Promise<void> {
  for (let at = 0; at < count; at++) {
    const task = await create(ceo, 'developer');
    factory.clock.advance(1_000);
    await developer.ok('task_checkout');
    if (at < lapsed)
      await factory.services.store.db
        .updateTable('tasks')
        .set({ lapses: 1 })
        .where('id', '=', Number(task.slice(2)))
        .execute();
    await developer.ok('task_complete', { summary: 'Done and seen.' });
  }
}

const stateOf = async ({ factory }: Cast) =>
  (await factory.services.store.db.selectFrom('role_words').select(['role', 'part', 'state']).execute()).map(
    ({ role, part, state }) => `${role} ${part} ${state}`,
  );
const promptOf = async ({ ceo, developer }: Cast) => {
  await create(ceo, 'developer');
  const { prompt } = await developer.ok<{ prompt: string }>('task_checkout');
  await developer.ok('task_complete', { summary: 'Done and seen.' });
  return prompt;
};

test('accepted words are read at once, and kept when ten tasks go no worse', async () => {
  const scene = await cast();
  await work(scene, 3);

  await accept(scene, BETTER);
  scene.factory.clock.advance(1_000);

  expect(await stateOf(scene)).toEqual(['developer prompt trial']);
  expect(await promptOf(scene)).toBe(parseWords(BETTER).body);
  const { contents } = await scene.developer.client.readResource({
    uri: 'millwright://role/developer/prompt',
  });
  expect(contents[0]).toMatchObject({ text: parseWords(BETTER).body });
  await work(scene, 8, 1);
  expect(await stateOf(scene)).toEqual(['developer prompt trial']);
  await work(scene, 1);
  expect(await stateOf(scene)).toEqual(['developer prompt kept']);
  expect(await promptOf(scene)).toBe(parseWords(BETTER).body);
});

test('words under which ten tasks go worse roll back by themselves, on record', async () => {
  const scene = await cast();
  await work(scene, 10);
  await accept(scene, BETTER);
  scene.factory.clock.advance(1_000);

  await work(scene, 10, 5);

  expect(await stateOf(scene)).toEqual(['developer prompt rolled-back']);
  expect(await promptOf(scene)).toBe(readRole('developer').prompt);
  const { body } = await scene.factory.services.store.db
    .selectFrom('activity')
    .select('body')
    .where('event', '=', 'words.rolled-back')
    .executeTakeFirstOrThrow();
  expect(JSON.parse(body ?? '')).toMatchObject({
    role: 'developer',
    before: { setbacks: 0 },
    after: { tasks: 10, lapses: 5 },
  });
});

const UNFIT: readonly [string, string, RegExp][] = [
  ['without frontmatter', 'Be good.', /does not begin with frontmatter/],
  ['of a role that is not there', BETTER.replace('role: developer', 'role: wizard'), /no role wizard/],
  ['that name a tool the role lacks', `${BETTER}\nThen change_merge it.`, /developer has no change_merge/],
  ['that name a tool nobody has', `${BETTER}\nThen gate_skip it.`, /developer has no gate_skip/],
  ['longer than the shipped bound', `${BETTER}\n${'More words. '.repeat(90)}`, /at most 3600 bytes/],
  ['with characters nobody sees', `${BETTER}\nGood\u200b.`, /characters that nobody sees/],
  ['that change what pipelines give', BETTER.replace('reads: [', 'reads: [secrets, '), /stay as they are/],
  ['that are those in force', read('prompts/developer.md'), /the words in force/],
  [
    'of who accepts them',
    read('souls/ceo.md').replace('## How I sound', '\nI decide twice.\n\n## How I sound'),
    /ceo would judge its own words/,
  ],
];

test("words that are not a role's own words come into no force", async () => {
  const scene = await cast();
  await propose(scene, 'Be good.');
  for (const [what, text, why] of UNFIT) {
    await leave(scene.factory, 'cto', 'words', text);

    const answer = await scene.cto.call('task_complete', { summary: 'Answers what failed.' });

    expect([what, answer.text]).toEqual([what, expect.stringMatching(/^GATE_CLOSED/)]);
    expect([what, answer.text]).toEqual([what, expect.stringMatching(why)]);
  }
  expect(await stateOf(scene)).toEqual([]);
});

test('a process that serves too little to know a tool lets no words through that name it', async () => {
  const factory = await startFactory({ servers: ['tasks'], change: withoutMemory });
  const [ceo, cto, developer] = await Promise.all(
    ['ceo', 'cto', 'developer'].map((name) => factory.agent(name)),
  );

  const { answer } = await propose({ factory, ceo, cto, developer } as Cast, BETTER);

  expect(answer.text).toMatch(/^GATE_CLOSED: .* developer has no /);
});

test('rejected words change nothing, and one trial of a role ends before the next', async () => {
  const scene = await cast();
  const { artifact } = await propose(scene, BETTER);
  await scene.ceo.ok('task_checkout');
  await judge(scene.factory, 'ceo', artifact, 'reject');
  await scene.ceo.ok('task_complete', { summary: 'No.', outcome: 'failed' });
  expect(await stateOf(scene)).toEqual([]);

  await scene.cto.ok('task_checkout');
  const again = await leave(scene.factory, 'cto', 'words', BETTER);
  await scene.cto.ok('task_complete', { summary: 'Once more.' });
  await scene.ceo.ok('task_checkout');
  await judge(scene.factory, 'ceo', again, 'accept');
  await scene.ceo.ok('task_complete', { summary: 'Yes.' });

  const { answer } = await propose(scene, BETTER.replace('stays white', 'turns black'));
  expect(answer.text).toMatch(/other words of developer are on trial/);
});

const figures = (tasks: number, setbacks: number): Figures => ({
  tasks,
  setbacks,
  firstTry: null,
  gatesFailed: setbacks,
  rejections: 0,
  fails: 0,
  lapses: 0,
  rounds: 1,
  refusals: 0,
});

test.each([
  [10, 0, 10, 2, false],
  [10, 0, 10, 3, true],
  [10, 4, 10, 8, false],
  [10, 4, 10, 11, true],
  [5, 2, 10, 8, false],
  [5, 1, 10, 8, true],
  [0, 0, 10, 9, false],
])(
  '%i tasks with %i setbacks before, %i with %i after: worse is %j',
  (tasks, setbacks, then, more, worse) => {
    expect(isWorse(figures(tasks, setbacks), figures(then, more))).toBe(worse);
  },
);
