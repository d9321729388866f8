import { setTimeout as sleep } from 'node:timers/promises';
import {
  beatJob,
  type ClaimedJob,
  claimJob,
  endJob,
  type FinishedJob,
  finishedJob,
  insertJob,
  type JobEnd,
  type JobInput,
  type JobOutcome,
  openJob,
} from './job_store.ts';
import { leaseMs } from './leases.ts';
import { endDeadHolders, processHolder } from './process_holder.ts';
import type { Services } from './services.ts';
import type { Tx } from './store/store.ts';

/**
 * Does one kind of long work. It may be started again from the beginning after a crash, by another process,
 * so what it does outside must be idempotent. `signal` aborts when the lease is lost or the process ends.
 */
export type JobRunner = (
  input: JobInput,
  job: { id: number; session: string; services: Services; signal: AbortSignal },
) => Promise<JobOutcome>;

/** How often an idle process looks for jobs that a dead one left. */
const LOOK_MS = 1000;
/** How long a process that ends waits for its jobs to be given back. */
const GIVE_BACK_MS = 2000;
/** A job mostly waits for what runs in the sandbox. */
const LANES = 2;

/** Leased work that outlives a call: any process of the fleet that knows the kind can run or resume it. */
export class JobQueue {
  readonly #runners: Readonly<Record<string, JobRunner>>;
  readonly #stop = new AbortController();
  readonly #lanes = new Set<Promise<void>>();
  #services: Services | undefined;
  #holder: string | undefined;
  #idle: number;
  #again = false;
  #timer: NodeJS.Timeout | undefined;

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
  enqueue(tx: Tx, kind: string, input: JobInput, session: string, now: number): Promise<number> {
    return insertJob(tx, { kind, input, session, now });
  }

  /** The job that is already going to do exactly this, or a new one. Call `kick` after the commit. */
  async enqueueOnce(tx: Tx, kind: string, input: JobInput, session: string, now: number): Promise<number> {
    return (await openJob(tx, { kind, input })) ?? insertJob(tx, { kind, input, session, now });
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
        const job = await claimJob(services, Object.keys(this.#runners), () => this.#asHolder());
        if (!job) return;
        await this.#run(services, job);
      }
    } catch (error) {
      services.log(`jobs: ${String(error)}`);
    }
  }

  async #run(services: Services, job: ClaimedJob): Promise<void> {
    const length = leaseMs((await services.factory()).factory);
    const lost = new AbortController();
    const beat = setInterval(async () => {
      const isKept = await beatJob(services, job.lease, length).catch(() => true);
      if (!isKept) lost.abort();
    }, length / 3);
    try {
      const end = await this.#end(services, job, lost.signal);
      if (end) await endJob(services, job, end);
    } finally {
      clearInterval(beat);
    }
  }

  /** How the work of a job ended; undefined when its lease was lost meanwhile, so that there is nothing to end. */
  async #end(services: Services, { row }: ClaimedJob, lost: AbortSignal): Promise<JobEnd | undefined> {
    const { id, kind, session } = row;
    const signal = AbortSignal.any([lost, this.#stop.signal]);
    try {
      const runner = this.#runners[kind];
      if (!runner) throw new Error(`no runner for ${kind}`);
      const outcome = await runner(JSON.parse(row.input) as JobInput, { id, session, services, signal });
      this.#stop.signal.throwIfAborted();
      return { how: 'done', outcome };
    } catch (error) {
      if (lost.aborted) return undefined;
      if (this.#stop.signal.aborted) return { how: 'given back' };
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      services.log(`job ${id} (${kind}): ${text}`);
      return { how: 'failed' };
    }
  }

  async #asHolder(): Promise<string> {
    this.#holder ??= await processHolder();
    return this.#holder;
  }

  #open(): Services {
    if (!this.#services) throw new Error('The job queue was used before it was started.');
    return this.#services;
  }
}
