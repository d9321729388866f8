import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { isHeld, JOB_ATTEMPTS, type Lease, leaseMs, releaseLease, takeLease } from './leases.ts';
import { endDeadHolders, processHolder } from './process_holder.ts';
import { appendLast } from './record.ts';
import { scrub } from './secrets/scrub.ts';
import type { Services } from './services.ts';
import type { Row } from './store/schema.ts';
import type { Db, Tx } from './store/store.ts';

/** What a runner found, and how it enters the store: `save` runs in the transaction that ends the job. */
export interface JobOutcome {
  result: Record<string, unknown>;
  save?(tx: Tx): Promise<void>;
}

type JobInput = Record<string, unknown>;

/**
 * Does one kind of long work. It may be started again from the beginning after a crash, by another process,
 * so what it does outside must be idempotent. `signal` aborts when the lease is lost or the process ends.
 */
export type JobRunner = (
  input: JobInput,
  job: { id: number; session: string; services: Services; signal: AbortSignal },
) => Promise<JobOutcome>;

type ClaimedJob = Row<'jobs'> & { holder: string; fence: number };

/** How often an idle process looks for jobs that a dead one left. */
const LOOK_MS = 1000;
/** How long a process that ends waits for its jobs to be given back. */
const GIVE_BACK_MS = 2000;
/** A job mostly waits for what runs in the sandbox. */
const LANES = 2;

/** As the index of open jobs says it: without these words SQLite reads all that ever were. */
const OPEN = sql<boolean>`state in ('queued', 'running')`;

/** Leased work that outlives a call: any process of the fleet that knows the kind can run or resume it. */
export class JobQueue {
  readonly #runners: Readonly<Record<string, JobRunner>>;
  readonly #stop = new AbortController();
  #services: Services | undefined;
  #idle: number;
  #again = false;
  #timer: NodeJS.Timeout | undefined;
  #holder: Promise<string> | undefined;
  readonly #lanes = new Set<Promise<void>>();

  /** @param lanes how many jobs this process does at once */
  constructor(runners: Readonly<Record<string, JobRunner>>, lanes = LANES) {
    this.#runners = runners;
    this.#idle = lanes;
  }

  start(services: Services): void {
    this.#services = services;
    if (Object.keys(this.#runners).length > 0)
      this.#timer = setInterval(() => void this.#look(services), LOOK_MS).unref();
  }

  /**
   * Stops taking jobs and aborts those that run: what they find after that counts for nothing. A runner that ends within
   * a moment gives its job back, so that another process resumes it at once; of the rest the lease ends by itself.
   */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#stop.abort();
    await Promise.race([Promise.all(this.#lanes), sleep(GIVE_BACK_MS, undefined, { ref: false })]);
  }

  /** Adds a job in the caller's transaction. Call `kick` after the commit. */
  async enqueue(tx: Tx, kind: string, input: JobInput, session: string, now: number): Promise<number> {
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

  /** The job that is already going to do exactly this, or a new one. Call `kick` after the commit. */
  async enqueueOnce(tx: Tx, kind: string, input: JobInput, session: string, now: number): Promise<number> {
    const open = await tx
      .selectFrom('jobs')
      .select('id')
      .where('kind', '=', kind)
      .where('input', '=', JSON.stringify(input))
      .where('state', 'in', ['queued', 'running'])
      .limit(1)
      .executeTakeFirst();
    return open?.id ?? this.enqueue(tx, kind, input, session, now);
  }

  /** Lets this process look for work now. */
  kick(): void {
    if (this.#idle === 0) {
      this.#again = true;
      return;
    }
    this.#idle -= 1;
    const lane = this.#drain().finally(() => {
      this.#lanes.delete(lane);
      this.#idle += 1;
      if (this.#again) {
        this.#again = false;
        this.kick();
      }
    });
    this.#lanes.add(lane);
  }

  /** Waits up to `ms` for a job to end; undefined when it is still running. */
  async wait(id: number, ms: number, signal?: AbortSignal): Promise<FinishedJob | undefined> {
    const services = this.#open();
    const until = performance.now() + ms;
    for (;;) {
      const done = await finishedJob(services.store.db, id);
      const left = until - performance.now();
      if (done || left <= 0 || signal?.aborted) return done;
      await services.store.changed(left, signal);
    }
  }

  async #look(services: Services): Promise<void> {
    await endDeadHolders(services).catch((error) => services.log(`jobs: ${String(error)}`));
    this.kick();
  }

  async #drain(): Promise<void> {
    const services = this.#open();
    try {
      while (!this.#stop.signal.aborted) {
        const job = await this.#claim(services);
        if (!job) return;
        await this.#run(services, job);
      }
    } catch (error) {
      services.log(`jobs: ${String(error)}`);
    }
  }

  async #claim(services: Services): Promise<ClaimedJob | undefined> {
    const kinds = Object.keys(this.#runners);
    const waiting = services.store.db
      .selectFrom('jobs')
      .select('id')
      .where('kind', 'in', kinds)
      .where(OPEN)
      .where('state', '=', 'queued');
    if (!(await waiting.limit(1).executeTakeFirst())) return undefined;
    const { factory } = await services.factory();
    this.#holder ??= processHolder();
    const holder = await this.#holder;
    return services.store.transaction(async (tx) => {
      let open = tx
        .selectFrom('jobs')
        .selectAll()
        .where('kind', 'in', kinds)
        .where(OPEN)
        .where('state', '=', 'queued')
        .orderBy('id')
        .limit(1);
      if (services.store.dialect === 'postgres') open = open.forUpdate().skipLocked();
      const job = await open.executeTakeFirst();
      if (!job) return undefined;
      const fence = await takeLease(tx, 'job', job.id, holder, services.clock.now() + leaseMs(factory));
      if (fence === undefined) return undefined;
      const attempts = job.attempts + 1;
      await tx.updateTable('jobs').set({ state: 'running', attempts }).where('id', '=', job.id).execute();
      return { ...job, attempts, holder, fence };
    });
  }

  async #run(services: Services, job: ClaimedJob): Promise<void> {
    const { factory } = await services.factory();
    const lease = { kind: 'job' as const, subject: job.id, holder: job.holder, fence: job.fence };
    const lost = new AbortController();
    const signal = AbortSignal.any([lost.signal, this.#stop.signal]);
    const beat = setInterval(
      () => void this.#beat(services, lease, leaseMs(factory), lost),
      leaseMs(factory) / 3,
    );
    let outcome: JobOutcome;
    let state: Row<'jobs'>['state'] = 'done';
    let attempts = job.attempts;
    try {
      const runner = this.#runners[job.kind];
      if (!runner) throw new Error(`no runner for ${job.kind}`);
      outcome = await runner(JSON.parse(job.input) as JobInput, {
        id: job.id,
        session: job.session,
        services,
        signal,
      });
      this.#stop.signal.throwIfAborted();
    } catch (error) {
      services.log(
        `job ${job.id} (${job.kind}): ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
      );
      if (lost.signal.aborted) return;
      const isGivenBack = this.#stop.signal.aborted;
      if (isGivenBack) attempts -= 1;
      state = isGivenBack || attempts < JOB_ATTEMPTS ? 'queued' : 'failed';
      outcome = {
        result: { failed: `job ${job.id} failed ${job.attempts} times; its cause is in the server's log` },
      };
    } finally {
      clearInterval(beat);
    }
    await services.store.transaction(async (tx) => {
      const now = services.clock.now();
      if (!(await isHeld(tx, lease, now))) return;
      if (state === 'done') await outcome.save?.(tx);
      const finished =
        state === 'queued' ? {} : { result: scrub(JSON.stringify(outcome.result)), finished_at: now };
      await tx
        .updateTable('jobs')
        .set({ state, attempts, ...finished })
        .where('id', '=', job.id)
        .execute();
      await releaseLease(tx, 'job', job.id);
      await appendLast(services.store, tx, {
        at: now,
        session: job.session,
        agent: 'server',
        role: 'server',
        event: `job.${state}`,
        subject: `job:${job.id}`,
        body: { kind: job.kind, attempts },
      });
    });
  }

  async #beat(services: Services, lease: Lease, length: number, lost: AbortController): Promise<void> {
    const now = services.clock.now();
    const kept = await services.store
      .transaction((tx) =>
        tx
          .updateTable('leases')
          .set({ ends_at: now + length })
          .where('kind', '=', 'job')
          .where('subject', '=', lease.subject)
          .where('holder', '=', lease.holder)
          .where('fence', '=', lease.fence)
          .where('ends_at', '>', now)
          .returning('fence')
          .executeTakeFirst(),
      )
      .catch(() => ({ fence: lease.fence }));
    if (!kept) lost.abort();
  }

  #open(): Services {
    if (!this.#services) throw new Error('The job queue was used before it was started.');
    return this.#services;
  }
}

export interface FinishedJob {
  id: number;
  kind: string;
  ok: boolean;
  result: Record<string, unknown>;
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
