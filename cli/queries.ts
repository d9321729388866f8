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

/** Marks the oldest queued run as taken; of several runners at once one gets it. */
export const takeRun = (tx: Tx, now: number) =>
  tx
    .updateTable('spawns')
    .set({ state: 'taken', taken_at: now })
    .where('state', '=', 'queued')
    .where('id', '=', (eb) =>
      eb
        .selectFrom('spawns')
        .select((e) => e.fn.min('id').as('id'))
        .where('state', '=', 'queued'),
    )
    .returning(['id', 'role', 'agent', 'task', 'message'])
    .executeTakeFirst();

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

/** Writes the store, as one moment shows it, into a new SQLite file. */
export const copyStore = (db: Db, file: string) => sql`vacuum into ${file}`.execute(db);
