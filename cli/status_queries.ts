import type { Db } from '../servers/core/store/store.ts';

/** Tasks in work, with who holds them. */
export const heldTasks = (db: Db, now: number) =>
  db
    .selectFrom('tasks')
    .innerJoin('leases', (join) =>
      join
        .onRef('leases.subject', '=', 'tasks.id')
        .on('leases.kind', '=', 'task')
        .on('leases.ends_at', '>', now),
    )
    .innerJoin('sessions', 'sessions.id', 'leases.holder')
    .select(['tasks.id', 'tasks.title', 'tasks.role', 'sessions.agent', 'leases.fence', 'leases.ends_at'])
    .orderBy('tasks.id')
    .execute();

/** Jobs that a process works on now. */
export const runningJobs = (db: Db, now: number) =>
  db
    .selectFrom('jobs')
    .innerJoin('leases', (join) =>
      join
        .onRef('leases.subject', '=', 'jobs.id')
        .on('leases.kind', '=', 'job')
        .on('leases.holder', 'is not', null)
        .on('leases.ends_at', '>', now),
    )
    .select(['jobs.id', 'jobs.kind'])
    .orderBy('jobs.id')
    .execute();

export const blockedTasks = (db: Db) =>
  db
    .selectFrom('tasks')
    .select(['id', 'title', 'role', 'outcome'])
    .where('state', '=', 'blocked')
    .orderBy('id')
    .limit(50)
    .execute();

export const countTasks = (db: Db) =>
  db
    .selectFrom('tasks')
    .select((eb) => ['state', eb.fn.countAll<number>().as('count')])
    .groupBy('state')
    .execute();

export const openCheckpoints = (db: Db, now: number) =>
  db
    .selectFrom('checkpoints')
    .select(['id', 'name', 'title', 'digest', 'requested_by', 'requested_at', 'expires_at', 'state'])
    .where('state', '=', 'open')
    .where('expires_at', '>', now)
    .orderBy('id')
    .execute();

export const queuedRuns = (db: Db) =>
  db
    .selectFrom('spawns')
    .select(['id', 'role', 'agent', 'task', 'requested_at'])
    .where('state', '=', 'queued')
    .orderBy('id')
    .execute();

const WEEK_MS = 7 * 86_400_000;

/** Changed words of roles that are on trial, or were kept or rolled back within a week. */
export const recentWords = (db: Db, now: number) =>
  db
    .selectFrom('role_words')
    .select(['role', 'part', 'state', 'from_at'])
    .where((eb) =>
      eb.or([
        eb('state', '=', 'trial'),
        eb('until_at', '>', now - WEEK_MS),
        eb('from_at', '>', now - WEEK_MS),
      ]),
    )
    .orderBy('id', 'desc')
    .limit(20)
    .execute();
