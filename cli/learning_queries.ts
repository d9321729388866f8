import { sql } from 'kysely';
import { type Failure, failuresOfTask } from '../servers/core/memory/failures.ts';
import { asLesson, type Lesson } from '../servers/core/memory/lessons.ts';
import type { Db } from '../servers/core/store/store.ts';
import { WORDS } from '../servers/tasks/words.ts';

/** The newest of each kind say what is wrong; older ones say it again. */
const MOST_TASKS = 100;
const MOST_FAILURES = 40;

export interface RoleFailures {
  /** Of the tasks that the role worked on, newest first. */
  failures: (Failure & { task: number })[];
  refusals: { rule: string; tool: string; count: number }[];
  repeated: { lesson: Lesson; task: number }[];
  lapses: number;
}

/** Since when a role's words are as they are, 0 for the shipped ones, and whether they are on trial. */
export async function wordsSince(db: Db, role: string): Promise<{ since: number; isOnTrial: boolean }> {
  const rows = await db
    .selectFrom('role_words')
    .select(['state', 'from_at', 'until_at'])
    .where('role', '=', role)
    .execute();
  return {
    since: Math.max(0, ...rows.map(({ from_at, until_at }) => until_at ?? from_at)),
    isOnTrial: rows.some(({ state }) => state === 'trial'),
  };
}

/** The running pipeline that betters the words of a role. */
export const openWordsRun = async (db: Db, role: string) =>
  (
    await db
      .selectFrom('pipelines')
      .select('id')
      .where('name', '=', WORDS)
      .where('state', '=', 'running')
      .where('request', 'like', `Words of ${role}:%`)
      .executeTakeFirst()
  )?.id;

export async function gatherFailures(db: Db, role: string, since: number): Promise<RoleFailures> {
  const tasks = await db
    .selectFrom('tasks')
    .select(['id', 'pipeline', 'lapses'])
    .where('role', '=', role)
    .where('started_at', '>=', since)
    .orderBy('id', 'desc')
    .limit(MOST_TASKS)
    .execute();
  const failures: RoleFailures['failures'] = [];
  for (const task of tasks) {
    if (failures.length >= MOST_FAILURES) break;
    for (const failure of await failuresOfTask(db, task, since)) failures.push({ ...failure, task: task.id });
  }
  return {
    failures: failures.slice(0, MOST_FAILURES),
    refusals: await refusalsOf(db, role, since),
    repeated: await repeatedLessons(
      db,
      tasks.map(({ id }) => id),
    ),
    lapses: tasks.reduce((sum, { lapses }) => sum + lapses, 0),
  };
}

export const countOfAll = ({ failures, refusals, repeated, lapses }: RoleFailures): number =>
  failures.length + repeated.length + lapses + refusals.reduce((sum, { count }) => sum + count, 0);

async function refusalsOf(db: Db, role: string, since: number) {
  const rows = await db
    .selectFrom('refusals')
    .innerJoin('sessions', 'sessions.id', 'refusals.session')
    .select(['refusals.rule', 'refusals.tool', sql<number>`sum(refusals.count)`.as('count')])
    .where('sessions.role', '=', role)
    .where('sessions.opened_at', '>=', since)
    .groupBy(['refusals.rule', 'refusals.tool'])
    .execute();
  return rows
    .map(({ rule, tool, count }) => ({ rule, tool, count: Number(count) }))
    .sort((one, other) => other.count - one.count)
    .slice(0, MOST_FAILURES);
}

async function repeatedLessons(db: Db, tasks: readonly number[]): Promise<RoleFailures['repeated']> {
  if (tasks.length === 0) return [];
  const rows = await db
    .selectFrom('lesson_uses')
    .innerJoin('lessons', 'lessons.id', 'lesson_uses.lesson')
    .selectAll('lessons')
    .select('lesson_uses.task as given_in')
    .where('lesson_uses.task', 'in', tasks)
    .where('lesson_uses.outcome', '=', 'repeated')
    .execute();
  return rows.map(({ given_in, ...row }) => ({ lesson: asLesson(row), task: given_in }));
}
