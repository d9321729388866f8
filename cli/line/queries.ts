import { append } from '../../servers/core/record.ts';
import type { Services } from '../../servers/core/services.ts';
import type { Db } from '../../servers/core/store/store.ts';

/** The pipeline that was started last and still runs. */
export const lastRunning = (db: Db) =>
  db
    .selectFrom('pipelines')
    .selectAll()
    .where('state', '=', 'running')
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();

/** The runs of a pipeline's tasks, oldest first. */
export const runsOf = (db: Db, pipeline: number) =>
  db
    .selectFrom('spawns')
    .innerJoin('tasks', 'tasks.id', 'spawns.task')
    .selectAll('spawns')
    .where('tasks.pipeline', '=', pipeline)
    .orderBy('spawns.id')
    .execute();

/** Agents with a session that lives or a run that waits or works. */
export async function busyAgents(db: Db, now: number): Promise<Set<string>> {
  const [sessions, runs] = await Promise.all([
    db
      .selectFrom('sessions')
      .select('agent')
      .where('ended_at', 'is', null)
      .where('revoked_at', 'is', null)
      .where('expires_at', '>', now)
      .where('task', 'is not', null)
      .execute(),
    db.selectFrom('spawns').select('agent').where('state', 'in', ['queued', 'running']).execute(),
  ]);
  return new Set([...sessions, ...runs].map(({ agent }) => agent));
}

/** Decisions of a human that are open in a pipeline. */
export const openDecisions = (db: Db, pipeline: number, now: number) =>
  db
    .selectFrom('checkpoints')
    .select(['id', 'name', 'title', 'task'])
    .where('pipeline', '=', pipeline)
    .where('state', '=', 'open')
    .where('expires_at', '>', now)
    .orderBy('id')
    .execute();

/** What the record gained after `seq`. */
export const recordAfter = (db: Db, seq: number, limit: number) =>
  db
    .selectFrom('activity')
    .select(['seq', 'agent', 'session', 'event', 'tool', 'rule', 'why', 'subject'])
    .where('seq', '>', seq)
    .orderBy('seq')
    .limit(limit)
    .execute();

/** Makes the blocked tasks of a pipeline ready: a person who resumes it wants them tried again. */
export const giveOutAgain = ({ store, clock }: Services, pipeline: number) =>
  store.transaction(async (tx) => {
    const now = clock.now();
    const tasks = await tx
      .updateTable('tasks')
      .set({ state: 'ready', lapses: 0, ready_at: now, outcome: null, finished_at: null })
      .where('pipeline', '=', pipeline)
      .where('state', '=', 'blocked')
      .returning('id')
      .execute();
    for (const { id } of tasks)
      await append(store, tx, {
        at: now,
        ...{ session: 'server', agent: 'operator', role: 'operator' },
        event: 'task.resumed',
        subject: `task:${id}`,
      });
  });
