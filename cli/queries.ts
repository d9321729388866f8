import { sql } from 'kysely';
import type { Row } from '../servers/core/store/schema.ts';
import type { Db, Store, Tx } from '../servers/core/store/store.ts';

/** The humans of a factory by the time they were added; revoked ones too. */
export const listHumans = (db: Db) => db.selectFrom('humans').selectAll().orderBy('added_at').execute();

/** The humans whose signature counts now. */
export const activeHumans = (db: Db) =>
  db.selectFrom('humans').selectAll().where('revoked_at', 'is', null).orderBy('added_at').execute();

export const addHuman = (tx: Tx, human: Row<'humans'>) => tx.insertInto('humans').values(human).execute();

export const revokeHuman = (tx: Tx, name: string, now: number) =>
  tx
    .updateTable('humans')
    .set({ revoked_at: now })
    .where('name', '=', name)
    .where('revoked_at', 'is', null)
    .returning('name')
    .executeTakeFirst();

/** The assurance of the first definition: `rehearsal` marks a factory that no person stands behind. */
export const firstAssurance = async (db: Db) =>
  (await db.selectFrom('factory_versions').select('assurance').orderBy('id').limit(1).executeTakeFirst())
    ?.assurance;

/** The files of the definition in force. */
export const filesInForce = async (db: Db): Promise<Record<string, string>> => {
  const row = await db
    .selectFrom('factory_versions')
    .select('body')
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row ? (JSON.parse(row.body) as Record<string, string>) : {};
};

export const isSignatureUsed = async (db: Db, signature: string) =>
  (await db
    .selectFrom('factory_versions')
    .select('id')
    .where('signature', '=', signature)
    .executeTakeFirst()) !== undefined;

export const addFactoryVersion = (tx: Tx, version: Omit<Row<'factory_versions'>, 'id'>) =>
  tx.insertInto('factory_versions').values(version).execute();

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

export const listStops = (db: Db) => db.selectFrom('kills').selectAll().orderBy('at').execute();

export const addStop = (tx: Tx, scope: string, reason: string, now: number) =>
  tx
    .insertInto('kills')
    .values({ scope, reason, at: now })
    .onConflict((at) => at.column('scope').doUpdateSet({ reason, at: now }))
    .execute();

export const removeStop = (tx: Tx, scope: string | undefined) => {
  const remove = tx.deleteFrom('kills').returning('scope');
  return (scope === undefined ? remove : remove.where('scope', '=', scope)).execute();
};

/** Entries of the record after `seq`, oldest first. */
export const entriesAfter = (db: Db, seq: number, limit: number) =>
  db
    .selectFrom('activity')
    .select([
      'seq',
      'at',
      'session',
      'agent',
      'role',
      'event',
      'tool',
      'subject',
      'rule',
      'code',
      'why',
      'hash',
    ])
    .where('seq', '>', seq)
    .orderBy('seq')
    .limit(limit)
    .execute();

export const lastEntry = (db: Db) =>
  db.selectFrom('activity').select(['seq', 'hash']).orderBy('seq', 'desc').limit(1).executeTakeFirst();

/** How many signatures over a commit of a person's own were taken. */
export async function adoptionsOf(db: Db, commit: string): Promise<number> {
  const row = await db
    .selectFrom('activity')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('event', '=', 'adopt.signed')
    .where('subject', '=', `commit:${commit}`)
    .executeTakeFirstOrThrow();
  return Number(row.count);
}

export const revokeEnrolment = (tx: Tx, id: string, now: number) =>
  tx
    .updateTable('enrolments')
    .set({ revoked_at: now })
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .execute();

/** What SQLite finds wrong with its own file; undefined when nothing, and on PostgreSQL, which checks itself. */
export async function storeFault({ dialect, db }: Store): Promise<string | undefined> {
  if (dialect !== 'sqlite') return undefined;
  const { rows } = await sql<{ quick_check: string }>`pragma quick_check(1)`.execute(db);
  const says = rows[0]?.quick_check ?? 'no answer';
  return says === 'ok' ? undefined : says;
}

/** The commits that submissions became in the mainline. */
export const mergedCommits = async (db: Db): Promise<string[]> => {
  const rows = await db
    .selectFrom('submissions')
    .select('merged_commit as id')
    .distinct()
    .where('merged_commit', 'is not', null)
    .execute();
  return rows.flatMap(({ id }) => id ?? []);
};

/** Writes a SQLite store, as one moment shows it, into a new file. */
export const vacuumInto = (db: Db, file: string) => sql`vacuum into ${file}`.execute(db);

/** The enrolment behind a token, while it counts. */
export const enrolmentByToken = (db: Db, tokenHash: string, now: number) =>
  db
    .selectFrom('enrolments')
    .select('agent')
    .where('token_hash', '=', tokenHash)
    .where('revoked_at', 'is', null)
    .where((eb) => eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', now)]))
    .executeTakeFirst();

/** How much each agent remembers, and when it last wrote. */
export const memoryCounts = (db: Db) =>
  db
    .selectFrom('memories')
    .select((eb) => [
      'agent',
      eb.fn.countAll<number>().as('all'),
      eb.fn.sum<number>(eb.case().when('valid_to', 'is', null).then(1).else(0).end()).as('live'),
      eb.fn.max<number>('recorded_at').as('last'),
    ])
    .groupBy('agent')
    .execute();

/** An agent's entries, the newest first; the live ones only unless `all`. */
export function entriesOfAgent(db: Db, agent: string, all: boolean, limit: number) {
  const entries = db
    .selectFrom('memories')
    .selectAll()
    .where('agent', '=', agent)
    .orderBy('recorded_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit);
  return (all ? entries : entries.where('valid_to', 'is', null)).execute();
}

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

/** The number of the newest entry of the record; 0 where there is none. */
export const lastActivity = async (db: Db): Promise<number> => (await lastEntry(db))?.seq ?? 0;

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
