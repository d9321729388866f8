import { sql } from 'kysely';
import { isHeld, JOB_ATTEMPTS, type Lease, leaseMs, releaseLease, takeLease } from './leases.ts';
import { appendLast } from './record.ts';
import { scrub } from './secrets/scrub.ts';
import type { Services } from './services.ts';
import type { Row } from './store/schema.ts';
import type { Db, Tx } from './store/store.ts';

export type JobInput = Record<string, unknown>;

/** What a runner found, and how it enters the store: `save` runs in the transaction that ends the job. */
export interface JobOutcome {
  result: Record<string, unknown>;
  save?(tx: Tx): Promise<void>;
}

/** A job in the hands of one process; `attempts` counts this one. */
export interface ClaimedJob {
  readonly row: Row<'jobs'>;
  readonly lease: Lease;
}

/** How a claimed job ended: with an outcome, by a failure, or because its process is to end. */
export type JobEnd = { how: 'done'; outcome: JobOutcome } | { how: 'failed' } | { how: 'given back' };

export interface FinishedJob {
  id: number;
  kind: string;
  ok: boolean;
  result: Record<string, unknown>;
}

interface NewJob {
  kind: string;
  input: JobInput;
  session: string;
  now: number;
}

/** As the index of open jobs says it: without these words SQLite reads all that ever were. */
const OPEN = sql<boolean>`state in ('queued', 'running')`;

/** Adds a job in the caller's transaction; gives its id. */
export async function insertJob(tx: Tx, { kind, input, session, now }: NewJob): Promise<number> {
  const row = await tx
    .insertInto('jobs')
    .values({
      kind,
      input: JSON.stringify(input),
      state: 'queued',
      session,
      attempts: 0,
      created_at: now,
      result: null,
      finished_at: null,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  return row.id;
}

/** The id of the job that is already going to do exactly this; undefined when there is none. */
export async function openJob(tx: Tx, { kind, input }: Pick<NewJob, 'kind' | 'input'>) {
  const open = await tx
    .selectFrom('jobs')
    .select('id')
    .where('kind', '=', kind)
    .where('input', '=', JSON.stringify(input))
    .where('state', 'in', ['queued', 'running'])
    .limit(1)
    .executeTakeFirst();
  return open?.id;
}

const firstQueued = (db: Db, kinds: readonly string[]) =>
  db
    .selectFrom('jobs')
    .selectAll()
    .where('kind', 'in', kinds)
    .where(OPEN)
    .where('state', '=', 'queued')
    .orderBy('id')
    .limit(1);

/** Gives the oldest queued job of these kinds to one process; undefined when there is none. */
export async function claimJob(
  services: Pick<Services, 'store' | 'clock' | 'factory'>,
  kinds: readonly string[],
  asHolder: () => Promise<string>,
): Promise<ClaimedJob | undefined> {
  const { store, clock } = services;
  if (!(await firstQueued(store.db, kinds).executeTakeFirst())) return undefined;
  const [holder, { factory }] = await Promise.all([asHolder(), services.factory()]);
  return store.transaction(async (tx) => {
    const queued = firstQueued(tx, kinds);
    const job = await (store.dialect === 'postgres'
      ? queued.forUpdate().skipLocked()
      : queued
    ).executeTakeFirst();
    if (!job) return undefined;
    const fence = await takeLease(tx, 'job', job.id, holder, clock.now() + leaseMs(factory));
    if (fence === undefined) return undefined;
    const attempts = job.attempts + 1;
    await tx.updateTable('jobs').set({ state: 'running', attempts }).where('id', '=', job.id).execute();
    return { row: { ...job, attempts }, lease: { kind: 'job', subject: job.id, holder, fence } };
  });
}

/** Extends a job's lease by `length` milliseconds; false when it is no longer held. */
export async function beatJob(
  { store, clock }: Pick<Services, 'store' | 'clock'>,
  { subject, holder, fence }: Lease,
  length: number,
): Promise<boolean> {
  const now = clock.now();
  const kept = await store.transaction((tx) =>
    tx
      .updateTable('leases')
      .set({ ends_at: now + length })
      .where('kind', '=', 'job')
      .where('subject', '=', subject)
      .where('holder', '=', holder)
      .where('fence', '=', fence)
      .where('ends_at', '>', now)
      .returning('fence')
      .executeTakeFirst(),
  );
  return kept !== undefined;
}

/**
 * Writes how a job ended and lets go of it, with the entry of the record; nothing when it is no longer held. A failed
 * one is queued again until it has failed `JOB_ATTEMPTS` times; one that was given back counts as not begun.
 */
export async function endJob(
  { store, clock }: Pick<Services, 'store' | 'clock'>,
  { row, lease }: ClaimedJob,
  end: JobEnd,
): Promise<void> {
  const attempts = end.how === 'given back' ? row.attempts - 1 : row.attempts;
  const isOver = end.how === 'done' || (end.how === 'failed' && attempts >= JOB_ATTEMPTS);
  const state = end.how === 'done' ? 'done' : isOver ? 'failed' : 'queued';
  const result =
    end.how === 'done'
      ? end.outcome.result
      : { failed: `job ${row.id} failed ${attempts} times; its cause is in the server's log` };
  await store.transaction(async (tx) => {
    const now = clock.now();
    if (!(await isHeld(tx, lease, now))) return;
    if (end.how === 'done') await end.outcome.save?.(tx);
    const finished = isOver ? { result: scrub(JSON.stringify(result)), finished_at: now } : {};
    await tx
      .updateTable('jobs')
      .set({ state, attempts, ...finished })
      .where('id', '=', row.id)
      .execute();
    await releaseLease(tx, 'job', row.id);
    await appendLast(store, tx, {
      at: now,
      session: row.session,
      agent: 'server',
      role: 'server',
      event: `job.${state}`,
      subject: `job:${row.id}`,
      body: { kind: row.kind, attempts },
    });
  });
}

/** The job's result, once it has one. */
export async function finishedJob(db: Db, id: number): Promise<FinishedJob | undefined> {
  const row = await db.selectFrom('jobs').selectAll().where('id', '=', id).executeTakeFirst();
  if (!row || row.result === null) return undefined;
  return {
    id: row.id,
    kind: row.kind,
    ok: row.state === 'done',
    result: JSON.parse(row.result) as Record<string, unknown>,
  };
}
