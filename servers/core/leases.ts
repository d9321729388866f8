import { sql } from 'kysely';
import { ToolError } from './errors.ts';
import type { Factory } from './factory/definition.ts';
import { append } from './record.ts';
import { prepared } from './store/prepared.ts';
import type { Leases } from './store/schema.ts';
import { type Db, locksRows, type Store, type Tx } from './store/store.ts';

type Kind = Leases['kind'];

/** Expired leases ended in one sweep; a claim may sweep, so this bounds its time. */
const SWEEP = 20;
/** Times a job is started before it counts as failed. */
export const JOB_ATTEMPTS = 3;

/** How long a lease lasts without a beat: three of them. */
export const leaseMs = (factory: Pick<Factory, 'lease'>) => Math.round(factory.lease.beat * 3000);

/**
 * Takes the lease on `subject` if it is free, and returns its new fence. Undefined when somebody holds it.
 * An expired lease is not free: `sweep` ends it first, so that its holder's work is given back exactly once.
 */
export async function takeLease(tx: Tx, kind: Kind, subject: number, holder: string, endsAt: number) {
  const [row] = await takeFree(tx, { kind, subject, holder, endsAt });
  return row?.fence;
}

const takeFree = prepared<{ kind: Kind; subject: number; holder: string; endsAt: number }>()((db, value) =>
  db
    .insertInto('leases')
    .values({
      kind: value('kind'),
      subject: value('subject'),
      holder: value('holder'),
      fence: 1,
      ends_at: value('endsAt'),
    })
    .onConflict((at) =>
      at
        .columns(['kind', 'subject'])
        .doUpdateSet((eb) => ({
          holder: eb.ref('excluded.holder'),
          fence: eb('leases.fence', '+', 1),
          ends_at: eb.ref('excluded.ends_at'),
        }))
        .where('leases.holder', 'is', null),
    )
    .returning('fence'),
);

/** One holding of one subject. */
export interface Lease {
  kind: Kind;
  subject: number;
  holder: string;
  fence: number;
}

/** Whether this exact holding is still alive. In a transaction it locks the row, so the answer holds until commit. */
export async function isHeld(db: Db, lease: Lease, now: number): Promise<boolean> {
  const holding = db.isTransaction && locksRows(db) ? lockedHolding : freeHolding;
  return (await holding(db, { ...lease, now })).length > 0;
}

type Holding = Lease & { now: number };

const freeHolding = prepared<Holding>()((db, value) => holdingOf(db, value));
const lockedHolding = prepared<Holding>()((db, value) => holdingOf(db, value).forUpdate());

const holdingOf = (db: Db, value: <K extends keyof Holding>(name: K) => Holding[K]) =>
  db
    .selectFrom('leases')
    .select('fence')
    .where('kind', '=', value('kind'))
    .where('subject', '=', value('subject'))
    .where('holder', '=', value('holder'))
    .where('fence', '=', value('fence'))
    .where('ends_at', '>', value('now'));

/** The refusal for every write under a fence that is no longer the current one. */
export function leaseLost(what: string): ToolError {
  return new ToolError(
    'LEASE_LOST',
    `You no longer hold ${what}: three beats were missed and it was given back.`,
    'Stop this work, write nothing more for it, and call task_checkout for what is ready now.',
    { rule: 'lease.lost' },
  );
}

/** Lets go of one lease; its fence stays, so that whoever takes it next gets a higher one. */
export async function releaseLease(tx: Tx, kind: Kind, subject: number): Promise<void> {
  await freed(tx, { kind, subject });
}

const freed = prepared<{ kind: Kind; subject: number }>()((db, value) =>
  db
    .updateTable('leases')
    .set({ holder: sql.lit(null), ends_at: sql.lit(0) })
    .where('kind', '=', value('kind'))
    .where('subject', '=', value('subject')),
);

/** Extends what `holder` still holds; a lease that has ended is not revived. */
export async function beatLeases(tx: Tx, holder: string, now: number, endsAt: number): Promise<void> {
  await tx
    .updateTable('leases')
    .set({ ends_at: endsAt })
    .where('holder', '=', holder)
    .where('ends_at', '>', now)
    .where('ends_at', '<', endsAt)
    .execute();
}

/**
 * Ends leases whose time is over, a bounded number: their tasks become ready again (later each time, and
 * blocked after the factory's limit), their jobs queued. Returns what it ended.
 */
export async function sweep(store: Store, tx: Tx, factory: Factory, now: number): Promise<Leases[]> {
  const expired = await ended(tx, { now });
  for (const lease of expired) {
    await releaseLease(tx, lease.kind, lease.subject);
    if (lease.kind === 'task') await giveTaskBack(tx, lease.subject, factory, now);
    if (lease.kind === 'job') await requeueJob(tx, lease.subject, now);
    if (lease.kind === 'run') await endLostRun(tx, lease.subject, now);
    await append(store, tx, {
      at: now,
      session: 'server',
      agent: 'server',
      role: 'server',
      event: 'lease.expired',
      subject: `${lease.kind}:${lease.subject}`,
      why: `held by ${lease.holder} under fence ${lease.fence}`,
      body: { holder: lease.holder, fence: lease.fence },
    });
  }
  return expired;
}

const ended = prepared<{ now: number }>()((db, value) => {
  const query = db
    .selectFrom('leases')
    .selectAll()
    .where('holder', 'is not', null)
    .where('ends_at', '<=', value('now'))
    .orderBy('ends_at')
    .limit(sql.lit(SWEEP));
  return locksRows(db) ? query.forUpdate().skipLocked() : query;
});

/** A run whose runner died: its credential ends with it, so that a process that lives on can write nothing more. */
async function endLostRun(tx: Tx, id: number, now: number): Promise<void> {
  const run = await tx
    .updateTable('spawns')
    .set({ state: 'ended', outcome: 'lost', ended_at: now })
    .where('id', '=', id)
    .where('state', '=', 'running')
    .returning(['session', 'enrolment'])
    .executeTakeFirst();
  if (run?.enrolment)
    await tx.updateTable('enrolments').set({ revoked_at: now }).where('id', '=', run.enrolment).execute();
  if (run?.session)
    await tx.updateTable('leases').set({ ends_at: now }).where('holder', '=', run.session).execute();
}

/** A task whose holder is gone: ready again, later each time, and blocked after the factory's limit. */
export async function giveTaskBack(tx: Tx, id: number, factory: Factory, now: number): Promise<void> {
  const task = await tx
    .selectFrom('tasks')
    .select(['state', 'lapses'])
    .where('id', '=', id)
    .executeTakeFirst();
  if (task?.state !== 'active') return;
  const lapses = task.lapses + 1;
  const blocked = lapses >= factory.lease.lapses;
  const pause = lapses === 1 ? 0 : leaseMs(factory) * 2 ** (lapses - 2);
  await tx
    .updateTable('tasks')
    .set({
      state: blocked ? 'blocked' : pause === 0 ? 'ready' : 'waiting',
      lapses,
      ready_at: now + pause,
      outcome: blocked ? `Blocked: its lease was lost ${lapses} times.` : null,
    })
    .where('id', '=', id)
    .execute();
}

/** A job whose process died is queued again, but not one that keeps killing its process. */
async function requeueJob(tx: Tx, id: number, now: number): Promise<void> {
  const job = await tx
    .selectFrom('jobs')
    .select(['state', 'attempts'])
    .where('id', '=', id)
    .executeTakeFirst();
  if (job?.state !== 'running') return;
  const result = JSON.stringify({ failed: `job ${id} lost its process ${job.attempts} times` });
  await tx
    .updateTable('jobs')
    .set(job.attempts < JOB_ATTEMPTS ? { state: 'queued' } : { state: 'failed', result, finished_at: now })
    .where('id', '=', id)
    .execute();
}
