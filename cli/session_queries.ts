import type { Db, Tx } from '../servers/core/store/store.ts';

/** Sessions whose credential still counts, newest last. */
export const liveSessions = (db: Db, now: number) =>
  db
    .selectFrom('sessions')
    .select(['id', 'agent', 'role', 'opened_at', 'beat_at', 'expires_at', 'task', 'fence'])
    .where('ended_at', 'is', null)
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', now)
    .orderBy('opened_at')
    .execute();

/** Ends a session for good and gives back what it holds. Undefined when none of this id is live. */
export async function revokeSession(tx: Tx, id: string, now: number) {
  const row = await tx
    .updateTable('sessions')
    .set({ revoked_at: now })
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .returning(['id', 'agent', 'role', 'enrolment'])
    .executeTakeFirst();
  if (row) await tx.updateTable('leases').set({ ends_at: now }).where('holder', '=', id).execute();
  return row;
}

export const revokeEnrolment = (tx: Tx, id: string, now: number) =>
  tx
    .updateTable('enrolments')
    .set({ revoked_at: now })
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .execute();

/** The enrolment behind a token, while it counts. */
export const enrolmentByToken = (db: Db, tokenHash: string, now: number) =>
  db
    .selectFrom('enrolments')
    .select('agent')
    .where('token_hash', '=', tokenHash)
    .where('revoked_at', 'is', null)
    .where((eb) => eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', now)]))
    .executeTakeFirst();

/** The newest sessions of these roles that changed something, and how many entries each of them wrote. */
export async function changingSessions(db: Db, roles: readonly string[], limit: number) {
  const changed = (table: 'artifacts' | 'submissions' | 'reviews') =>
    db.selectFrom(table).select(['session', 'created_at']);
  const sessions = await db
    .selectFrom(
      changed('artifacts').unionAll(changed('submissions')).unionAll(changed('reviews')).as('changes'),
    )
    .innerJoin('sessions', 'sessions.id', 'changes.session')
    .select((eb) => ['sessions.id', 'sessions.agent', eb.fn.max<number>('changes.created_at').as('at')])
    .where('sessions.role', 'in', roles)
    .groupBy(['sessions.id', 'sessions.agent'])
    .orderBy('at', 'desc')
    .limit(limit)
    .execute();
  const ids = sessions.map(({ id }) => id);
  if (ids.length === 0) return [];
  const wrote = await db
    .selectFrom('memories')
    .select((eb) => ['session', eb.fn.countAll<number>().as('count')])
    .where('session', 'in', ids)
    .where('origin', '=', 'agent')
    .groupBy('session')
    .execute();
  const counts = new Map(wrote.map(({ session, count }) => [session, Number(count)]));
  return sessions.map((session) => ({ ...session, entries: counts.get(session.id) ?? 0 }));
}

/** The agents that opened a session after an entry of the record. */
export async function agentsSeenAfter(db: Db, seq: number): Promise<ReadonlySet<string>> {
  const rows = await db
    .selectFrom('activity')
    .select('agent')
    .where('seq', '>', seq)
    .where('event', '=', 'session.opened')
    .execute();
  return new Set(rows.map(({ agent }) => agent));
}

/** Whether a session holds a task by a lease that counts now. */
export async function holdsNow(db: Db, session: string, task: number, now: number): Promise<boolean> {
  const row = await db
    .selectFrom('leases')
    .select('subject')
    .where('kind', '=', 'task')
    .where('subject', '=', task)
    .where('holder', '=', session)
    .where('ends_at', '>', now)
    .executeTakeFirst();
  return row !== undefined;
}
