import type { Db, Tx } from '../core/store/store.ts';

export const liveSessions = (db: Db, now: number) =>
  db
    .selectFrom('sessions')
    .select(['agent', 'role', 'task', 'beat_at'])
    .where('ended_at', 'is', null)
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', now)
    .execute();

export interface NewSpawn {
  role: string;
  agent: string;
  task: number | null;
  message: string;
  root: string;
  requestedBy: string;
  now: number;
}

export const insertSpawn = (tx: Tx, spawn: NewSpawn) =>
  tx
    .insertInto('spawns')
    .values({
      role: spawn.role,
      agent: spawn.agent,
      task: spawn.task,
      message: spawn.message,
      state: 'queued',
      root: spawn.root,
      requested_by: spawn.requestedBy,
      requested_at: spawn.now,
      taken_at: null,
    })
    .returning('id')
    .executeTakeFirstOrThrow();

export const activityAfter = (db: Db, after: number, limit: number, subject?: string) => {
  let query = db
    .selectFrom('activity')
    .select(['seq', 'at', 'agent', 'role', 'event', 'tool', 'subject', 'rule', 'code', 'why'])
    .where('seq', '>', after);
  if (subject) query = query.where('subject', '=', subject);
  return query.orderBy('seq').limit(limit).execute();
};
