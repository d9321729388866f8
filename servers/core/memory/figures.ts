import type { Db } from '../store/store.ts';

/** How a role's tasks went. Setbacks are what decides; refusals and rounds are shown beside them. */
export interface Figures {
  tasks: number;
  /** Of the tasks that submitted a change: those whose first submission met no failed machine gate; null without one. */
  firstTry: number | null;
  gatesFailed: number;
  rejections: number;
  fails: number;
  lapses: number;
  rounds: number;
  refusals: number;
  /** First submissions with a failed gate, rejections, FAILs and lost leases. */
  setbacks: number;
}

/** Tasks whose ids are older than this many are not looked at: the past that a role's words had to do with is recent. */
const REACH = 5_000;

/** The figures of the last `most` ended tasks of a role, of those that were begun after `since`. */
export async function figuresOf(db: Db, role: string, most: number, since = 0): Promise<Figures> {
  const newest = await db
    .selectFrom('tasks')
    .select((eb) => eb.fn.max<number>('id').as('id'))
    .executeTakeFirst();
  const tasks = await db
    .selectFrom('tasks')
    .select(['id', 'round', 'lapses', 'started_at', 'finished_at'])
    .where('id', '>', Number(newest?.id ?? 0) - REACH)
    .where('role', '=', role)
    .where('started_at', '>', since)
    .where('finished_at', 'is not', null)
    .orderBy('finished_at', 'desc')
    .orderBy('id', 'desc')
    .limit(most)
    .execute();
  const ids = tasks.map(({ id }) => id);
  const { submitted, gatesFailed } = await firstSubmissions(db, ids);
  const rejections = await countRejections(db, ids);
  const fails = await countFails(db, ids);
  const lapses = tasks.reduce((sum, task) => sum + task.lapses, 0);
  const from = Math.min(...tasks.map(({ started_at }) => started_at ?? 0), Number.MAX_SAFE_INTEGER);
  return {
    tasks: tasks.length,
    firstTry: submitted === 0 ? null : (submitted - gatesFailed) / submitted,
    gatesFailed,
    rejections,
    fails,
    lapses,
    rounds: tasks.length === 0 ? 0 : tasks.reduce((sum, { round }) => sum + round, 0) / tasks.length,
    refusals: await countRefusals(db, role, from),
    setbacks: gatesFailed + rejections + fails + lapses,
  };
}

/**
 * Whether tasks went worse than before, by more than chance: the setbacks exceed those expected at the rate of
 * before by more than two, and by more than 1.645 times the scatter of both counts, which chance alone does once in
 * twenty times. Without tasks before or after nothing is worse.
 */
export function isWorse(before: Figures, after: Figures): boolean {
  if (before.tasks === 0 || after.tasks === 0) return false;
  const expected = (before.setbacks * after.tasks) / before.tasks;
  return after.setbacks - expected > Math.max(2, 1.645 * Math.sqrt(after.setbacks + expected));
}

async function firstSubmissions(db: Db, tasks: readonly number[]) {
  if (tasks.length === 0) return { submitted: 0, gatesFailed: 0 };
  const first = await db
    .selectFrom('submissions')
    .select('commit_id')
    .where('id', 'in', (eb) =>
      eb
        .selectFrom('submissions')
        .select((e) => e.fn.min<number>('id').as('id'))
        .where('task', 'in', tasks)
        .groupBy('task'),
    )
    .execute();
  if (first.length === 0) return { submitted: 0, gatesFailed: 0 };
  const failed = await db
    .selectFrom('gate_results')
    .select('commit_id')
    .distinct()
    .where(
      'commit_id',
      'in',
      first.map(({ commit_id }) => commit_id),
    )
    .where('gate', 'not like', 'qa.%')
    .where('closed', '=', 0)
    .execute();
  return { submitted: first.length, gatesFailed: failed.length };
}

async function countRejections(db: Db, tasks: readonly number[]): Promise<number> {
  if (tasks.length === 0) return 0;
  const row = await db
    .selectFrom('reviews')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('verdict', '=', 'reject')
    .where((eb) =>
      eb.or([
        eb.and([
          eb('subject', '=', 'change'),
          eb('target', 'in', eb.selectFrom('submissions').select('id').where('task', 'in', tasks)),
        ]),
        eb.and([
          eb('subject', '=', 'artifact'),
          eb('target', 'in', eb.selectFrom('artifacts').select('id').where('task', 'in', tasks)),
        ]),
      ]),
    )
    .executeTakeFirstOrThrow();
  return Number(row.count);
}

async function countFails(db: Db, tasks: readonly number[]): Promise<number> {
  if (tasks.length === 0) return 0;
  const row = await db
    .selectFrom('verdicts')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('verdict', '=', 'FAIL')
    .where('commit_id', 'in', (eb) =>
      eb.selectFrom('submissions').select('commit_id').where('task', 'in', tasks),
    )
    .executeTakeFirstOrThrow();
  return Number(row.count);
}

async function countRefusals(db: Db, role: string, since: number): Promise<number> {
  const row = await db
    .selectFrom('refusals')
    .innerJoin('sessions', 'sessions.id', 'refusals.session')
    .select((eb) => eb.fn.sum<number>('refusals.count').as('count'))
    .where('sessions.role', '=', role)
    .where('sessions.opened_at', '>=', since)
    .executeTakeFirst();
  return Number(row?.count ?? 0);
}
