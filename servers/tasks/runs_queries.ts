import { sql } from 'kysely';
import { takeLease } from '../core/leases.ts';
import { prepared, unplanned } from '../core/store/prepared.ts';
import type { RunOutcome } from '../core/store/schema.ts';
import { type Db, locksRows, type Tx } from '../core/store/store.ts';

/** Whether any runner takes queued runs now. */
export async function isRunnerUp(db: Db, now: number): Promise<boolean> {
  const row = await db
    .selectFrom('leases')
    .select('subject')
    .where('holder', 'is not', null)
    .where('ends_at', '>', now)
    .where('kind', '=', 'runner')
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

const RUNNERS = 1000;

/** Says that a runner is up: a lease among a thousand places, so that the rows stay few. */
export async function enterRunner(tx: Tx, holder: string, endsAt: number): Promise<void> {
  const first = Math.floor(Math.random() * RUNNERS);
  for (let n = 0; n < RUNNERS; n++)
    if ((await takeLease(tx, 'runner', (first + n) % RUNNERS, holder, endsAt)) !== undefined) return;
  throw new Error('A thousand runners are up.');
}

export async function leaveRunner(tx: Tx, holder: string): Promise<void> {
  const leases = tx.updateTable('leases').set({ holder: null, ends_at: 0 });
  await leases.where('holder', '=', holder).where('kind', '=', 'runner').execute();
}

/** What the runs that began after `since` used, in runs, tokens and micro-dollars. */
export async function usedSince(db: Db, since: number, butFor = 0) {
  const row = await db
    .selectFrom('spawns')
    .select((eb) => [
      eb.fn.countAll<number>().as('runs'),
      eb.fn.sum<number | null>('tokens').as('tokens'),
      eb.fn.sum<number | null>('micros').as('micros'),
    ])
    .where('taken_at', '>', since)
    .where('id', '<>', butFor)
    .executeTakeFirstOrThrow();
  return { runs: Number(row.runs), tokens: Number(row.tokens ?? 0), micros: Number(row.micros ?? 0) };
}

export const openRuns = (db: Db) =>
  db
    .selectFrom('spawns')
    .select(['id', 'role', 'agent', 'task', 'state'])
    .where('state', 'in', ['queued', 'running'])
    .orderBy('id')
    .execute();

/** Whether any run waits; asked before a write, so that an idle runner writes nothing. */
export const hasQueuedRun = async (db: Db): Promise<boolean> =>
  (await db.selectFrom('spawns').select('id').where('state', '=', 'queued').limit(1).executeTakeFirst()) !==
  undefined;

/** Takes the oldest queued run of the roles nobody stopped, under a lease of `holder`. */
export async function takeRun(
  tx: Tx,
  {
    holder,
    stopped,
    now,
    endsAt,
  }: { holder: string; stopped: readonly string[]; now: number; endsAt: number },
) {
  if (stopped.includes('factory')) return undefined;
  const roles = stopped.map((scope) => scope.replace(/^role:/, ''));
  let queued = tx.selectFrom('spawns').select('id').where('state', '=', 'queued').orderBy('id').limit(1);
  if (roles.length > 0) queued = queued.where('role', 'not in', roles);
  const run = await tx
    .updateTable('spawns')
    .set({ state: 'running', taken_at: now, event_at: now })
    .where('id', '=', locksRows(tx) ? queued.forUpdate().skipLocked() : queued)
    .returningAll()
    .executeTakeFirst();
  if (run && (await takeLease(tx, 'run', run.id, holder, endsAt)) === undefined)
    throw new Error(`Run ${run.id} was queued although somebody holds it.`);
  return run;
}

export const stopsNow = async (db: Db) =>
  (await db.selectFrom('kills').select('scope').execute()).map(({ scope }) => scope);

interface Launch {
  host: string;
  model: string | null;
  session: string;
  enrolment: string;
  process: string;
}

export const noteLaunch = (tx: Tx, id: number, launch: Partial<Launch>) =>
  tx.updateTable('spawns').set(launch).where('id', '=', id).where('state', '=', 'running').execute();

interface Progress {
  turns: number;
  tokens: number;
  micros: number | null;
  event_at: number;
  said: string;
}

/** Writes how far a run is; undefined when it no longer runs. Gives back why it should stop, if somebody wants that. */
export const noteProgress = (tx: Tx, id: number, progress: Progress) =>
  tx
    .updateTable('spawns')
    .set(progress)
    .where('id', '=', id)
    .where('state', '=', 'running')
    .returning('stop_why')
    .executeTakeFirst();

/** Ends a run once; false when it had ended. */
export async function endRun(
  tx: Tx,
  id: number,
  end: { outcome: RunOutcome; said: string; now: number },
): Promise<boolean> {
  const ended = await tx
    .updateTable('spawns')
    .set({
      state: end.outcome === 'stopped' ? 'stopped' : 'ended',
      outcome: end.outcome,
      said: end.said,
      ended_at: end.now,
    })
    .where('id', '=', id)
    .where('state', 'in', ['queued', 'running'])
    .returning('enrolment')
    .executeTakeFirst();
  if (!ended) return false;
  const lease = tx.updateTable('leases').set({ holder: null, ends_at: 0 });
  await lease.where('kind', '=', 'run').where('subject', '=', id).execute();
  if (ended.enrolment)
    await tx
      .updateTable('enrolments')
      .set({ revoked_at: end.now })
      .where('id', '=', ended.enrolment)
      .execute();
  return true;
}

/** Asks for a running run to be stopped; its runner sees it within a second. */
export const askStop = (tx: Tx, id: number, why: string) =>
  tx
    .updateTable('spawns')
    .set({ stop_why: why })
    .where('id', '=', id)
    .where('state', '=', 'running')
    .returning('id')
    .executeTakeFirst();

export const findRun = (db: Db, id: number) =>
  db.selectFrom('spawns').selectAll().where('id', '=', id).executeTakeFirst();

/** The newest runs, newest first. */
export const listRuns = (db: Db, limit: number) =>
  db.selectFrom('spawns').selectAll().orderBy('id', 'desc').limit(limit).execute();

/** Running runs whose processes a runner of this machine may have left behind. */
export const processesLeft = (db: Db, since: number) =>
  db
    .selectFrom('spawns')
    .select(['id', 'process'])
    .where('process', 'is not', null)
    .where('taken_at', '>', since)
    .where('outcome', '=', 'lost')
    .execute();

/** What ended runs of a role used, newest first. */
export const pastRuns = (db: Db, role: string, limit: number) =>
  db
    .selectFrom('spawns')
    .select(['tokens', 'micros', 'turns'])
    .where('role', '=', role)
    .where('outcome', '=', 'completed')
    .orderBy('id', 'desc')
    .limit(limit)
    .execute();

/** The last run of a task that ended without it being handed in. */
export async function lastFailedRun(db: Db, task: number) {
  const [run] = await failedRun(db, { task });
  return run;
}

const failedRun = prepared<{ task: number }>()((db, value) =>
  db
    .selectFrom('spawns')
    .select(['id', 'outcome', 'said'])
    .where('task', '=', unplanned.integer(value('task')))
    .where(
      'outcome',
      'in',
      (['returned', 'failed', 'limit', 'lost'] as const).map((outcome) => sql.lit(outcome)),
    )
    .orderBy('id', 'desc')
    .limit(sql.lit(1)),
);

/** Whether a human has yet to decide something that this task, or its pipeline, asked for. */
export async function waitsForHuman(db: Db, task: number, now: number): Promise<boolean> {
  const row = await db
    .selectFrom('checkpoints')
    .select('id')
    .where('task', '=', task)
    .where('state', '=', 'open')
    .where('expires_at', '>', now)
    .executeTakeFirst();
  return row !== undefined;
}

/** Where these runs stand for whoever may want them stopped. */
export const wantedStops = (db: Db, ids: readonly number[]) =>
  db.selectFrom('spawns').select(['id', 'state', 'stop_why']).where('id', 'in', ids).execute();
