import { type Command, Option } from 'commander';
import { lessonId, taskId } from '../../servers/core/ids.ts';
import { asLesson, type Lesson } from '../../servers/core/memory/lessons.ts';
import type { Services } from '../../servers/core/services.ts';
import {
  type Counts,
  countUses,
  findLesson,
  listLessons,
  usesOf,
} from '../../servers/memory/lesson_queries.ts';
import { renderLessons } from '../../servers/memory/lessons_file.ts';
import { sowLessons } from '../../servers/memory/seeds.ts';
import { withFactory } from '../factories.ts';
import { CommandError, EXIT } from '../failures.ts';
import { type GlobalOptions, handled } from '../handled.ts';
import { type Result, shown, strong, table, when } from '../io.ts';
import { proposeRule } from '../lesson_rule.ts';

const STATES = ['active', 'rewrite', 'faded', 'superseded'] as const;
const NONE: Counts = { given: 0, prevented: 0, repeated: 0 };
const MOST = 500;

export function lessons(program: Command): void {
  const group = program
    .command('lessons')
    .description('what the factory learned, how often it was given, and what came of it');
  group
    .addOption(new Option('--state <state>', 'only lessons of this state').choices(STATES))
    .action(
      handled<{ state?: (typeof STATES)[number] }>((_io, options) =>
        withFactory(options, (services) => list(services, options.state)),
      ),
    );
  group
    .command('show <id>')
    .description('one lesson whole, with each task it was given in')
    .action(handled((_io, options, id = '') => within(options, id, show)));
  group
    .command('propose <id>')
    .description("create the task that puts a gate or guard rule in a lesson's place, with its evidence")
    .action(handled((_io, options, id = '') => within(options, id, propose)));
}

async function list(services: Services, state: (typeof STATES)[number] | undefined): Promise<Result> {
  const { store, clock } = services;
  await sowLessons(store, clock.now());
  const file = await renderLessons(services);
  const rows = await listLessons(store.db, state ? [state] : STATES, MOST);
  const counts = await countUses(store.db);
  const found = rows.map((row) => summary(asLesson(row), counts.get(row.id) ?? NONE));
  const text = table(
    ['id', 'state', 'by', 'given', 'prevented', 'repeated', 'prevention'],
    found.map((one) => [
      one.id,
      one.state,
      one.by,
      String(one.given),
      String(one.prevented),
      String(one.repeated),
      shown(one.prevention, 120),
    ]),
  );
  return { value: { lessons: found, file }, text: `${text}\n\nAll of them, to read: ${file}` };
}

function summary({ id, state, origin, role, trust, prevention }: Lesson, counts: Counts) {
  return {
    id: lessonId(id),
    state,
    by: origin === 'seed' ? 'Millwright' : role,
    trust,
    prevention,
    ...counts,
  };
}

async function show({ store }: Services, lesson: Lesson): Promise<Result> {
  const uses = await usesOf(store.db, lesson.id);
  const counts = (await countUses(store.db)).get(lesson.id) ?? NONE;
  const { root_cause, fix, paths, commands, signatures, evidence, superseded_by } = lesson;
  const value = {
    ...summary(lesson, counts),
    rootCause: root_cause,
    fix,
    trigger: { paths, commands, signatures },
    evidence,
    recorded: when(lesson.created_at),
    supersededBy: superseded_by === null ? null : lessonId(superseded_by),
    uses: uses.map((use) => ({
      task: taskId(use.task),
      matchedBy: use.matched_by,
      given: when(use.given_at),
      outcome: use.outcome,
    })),
  };
  const text = [
    strong(
      `${value.id} (${value.state}, by ${value.by}${value.trust === 'own' ? '' : ', third-party text'})`,
    ),
    `prevention  ${shown(value.prevention)}`,
    `cause       ${shown(root_cause)}`,
    `fix         ${shown(fix)}`,
    `trigger     ${shown([...paths, ...commands, ...signatures].join(', '))}`,
    `evidence    ${shown(evidence.join(', '))}`,
    '',
    table(
      ['task', 'matched by', 'given', 'outcome'],
      value.uses.map((use) => [use.task, use.matchedBy, use.given, use.outcome ?? 'open']),
    ),
  ];
  return { value, text: text.join('\n') };
}

async function propose(services: Services, lesson: Lesson): Promise<Result> {
  const { task, role } = await proposeRule(services, lesson);
  return {
    value: { lesson: lessonId(lesson.id), task: taskId(task), role },
    text: `${taskId(task)} asks ${role} for a gate or guard rule in place of ${lessonId(lesson.id)}. You sign what becomes of it.`,
  };
}

function within(
  options: GlobalOptions,
  id: string,
  work: (services: Services, lesson: Lesson) => Promise<Result>,
) {
  return withFactory(options, async (services) => {
    await sowLessons(services.store, services.clock.now());
    const number = Number(/^L-([1-9]\d{0,11})$/.exec(id)?.[1]);
    const row = number ? await findLesson(services.store.db, number) : undefined;
    if (row) return work(services, asLesson(row));
    throw new CommandError(
      'ID',
      `There is no lesson "${shown(id)}".`,
      'Take an id from `millwright lessons`.',
      EXIT.usage,
    );
  });
}
