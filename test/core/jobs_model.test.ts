import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { readDefinition } from '../../servers/core/factory/create.ts';
import { JobQueue, type JobRunner } from '../../servers/core/jobs.ts';
import { JOB_ATTEMPTS, leaseMs, sweep } from '../../servers/core/leases.ts';
import { loadFleet } from '../../servers/fleet.ts';
import kept from './models/kept.json' with { type: 'json' };
import { entries, explore, type Machine, type Step, startMachine } from './models/machine.ts';

const PROCESSES = 2;
const LOOK_MS = 1000;

interface ModelJob {
  state: 'queued' | 'running' | 'done' | 'failed';
  attempts: number;
  fence: number;
  /** Whether a process holds it, and until when. */
  held: boolean;
  endsAt: number;
}

/** A process that does one job at a time, and what the test holds of it: how its work ends, and its heart. */
interface Process {
  queue: JobQueue;
  work?: { end(how: 'done' | 'fails'): void; beat(): void } | undefined;
}

interface Model {
  now: number;
  jobs: Map<number, ModelJob>;
  saved: Map<number, number>;
  /** What each process believes it works on; a swept lease does not reach it. */
  believes: ({ job: number; fence: number } | undefined)[];
  processes: Process[];
}

type JobStep = Step<Model>;

let LEASE = 0;
let lastBeat = () => {};

function startProcess({ services }: Machine): Process {
  const process: Process = { queue: new JobQueue({}) };
  const work: JobRunner = (_input, { id, signal }) =>
    new Promise((resolve, reject) => {
      const beat = lastBeat;
      const leave = () => {
        process.work = undefined;
      };
      signal.addEventListener('abort', () => {
        leave();
        reject(new Error('the lease is lost'));
      });
      process.work = {
        beat,
        end(how) {
          leave();
          if (how === 'fails') return reject(new Error('it cannot be done'));
          const row = { scope: `job:${id}:${crypto.randomUUID()}`, reason: 'saved', at: id };
          resolve({
            result: {},
            save: (tx) =>
              tx
                .insertInto('kills')
                .values(row)
                .execute()
                .then(() => {}),
          });
        },
      };
    });
  process.queue = new JobQueue({ work }, 1);
  process.queue.start(services);
  return process;
}

/** What an idle process does when it looks: it takes the oldest job that waits. */
function claim(model: Model, index: number): void {
  model.believes[index] = undefined;
  const next = [...model.jobs].find(([, { state }]) => state === 'queued');
  if (!next) return;
  const [id, job] = next;
  Object.assign(job, { state: 'running', held: true, endsAt: model.now + LEASE });
  job.attempts++;
  job.fence++;
  model.believes[index] = { job: id, fence: job.fence };
}

/** The job a process works on, if its lease still lives. */
function holds(model: Model, index: number): ModelJob | undefined {
  const belief = model.believes[index];
  const job = belief && model.jobs.get(belief.job);
  return job?.held && job.fence === belief?.fence && job.endsAt > model.now ? job : undefined;
}

const enqueue: JobStep = {
  check: () => true,
  toString: () => 'enqueue',
  async run(model, { services }) {
    const id = await services.store.transaction((tx) =>
      services.jobs.enqueue(tx, 'work', {}, 'session', model.now),
    );
    model.jobs.set(id, { state: 'queued', attempts: 0, fence: 0, held: false, endsAt: 0 });
  },
};

const kick = (index: number): JobStep => ({
  check: () => true,
  toString: () => `kick(${index})`,
  async run(model) {
    model.processes[index]?.queue.kick();
    if (!model.believes[index]) claim(model, index);
  },
});

const end = (index: number, how: 'done' | 'fails'): JobStep => ({
  check: (model) => model.believes[index] !== undefined,
  toString: () => `${how}(${index})`,
  async run(model) {
    const id = model.believes[index]?.job ?? 0;
    const job = holds(model, index);
    model.processes[index]?.work?.end(how);
    if (job) {
      job.held = false;
      job.state = how === 'done' ? 'done' : job.attempts < JOB_ATTEMPTS ? 'queued' : 'failed';
      if (how === 'done') model.saved.set(id, (model.saved.get(id) ?? 0) + 1);
    }
    claim(model, index);
  },
});

const beat = (index: number): JobStep => ({
  check: (model) => model.believes[index] !== undefined,
  toString: () => `beat(${index})`,
  async run(model) {
    const job = holds(model, index);
    model.processes[index]?.work?.beat();
    if (job) job.endsAt = model.now + LEASE;
    else claim(model, index);
  },
});

/** A process of which nothing is heard any more: neither its heart nor its work. */
const crash = (index: number): JobStep => ({
  check: () => true,
  toString: () => `crash(${index})`,
  async run(model, real) {
    // One without work may just be looking for some.
    if (!model.believes[index]) await model.processes[index]?.queue.stop();
    model.processes[index] = startProcess(real);
    model.believes[index] = undefined;
  },
});

/** A process that ends in order: it gives back what it holds, as if it had not begun. */
const stop = (index: number): JobStep => ({
  check: () => true,
  toString: () => `stop(${index})`,
  async run(model, real) {
    const job = holds(model, index);
    await model.processes[index]?.queue.stop();
    if (job) Object.assign(job, { state: 'queued', held: false, attempts: job.attempts - 1 });
    model.processes[index] = startProcess(real);
    model.believes[index] = undefined;
  },
});

const advance = (share: number): JobStep => ({
  check: () => true,
  toString: () => `advance(${share} leases)`,
  async run(model, { clock }) {
    clock.advance(Math.round(LEASE * share));
    model.now = clock.now();
  },
});

const sweeper: JobStep = {
  check: () => true,
  toString: () => 'sweep',
  async run(model, real) {
    const { store, factory } = real.services;
    const expired = [...model.jobs.values()].filter(({ held, endsAt }) => held && endsAt <= model.now);
    for (const job of expired) {
      job.held = false;
      job.state = job.attempts < JOB_ATTEMPTS ? 'queued' : 'failed';
    }
    const before = await entries(real, 'lease.expired');
    const definition = (await factory()).factory;
    const swept = await store.transaction((tx) => sweep(store, tx, definition, model.now));
    expect(swept).toHaveLength(expired.length);
    expect((await entries(real, 'lease.expired')) - before).toBe(swept.length);
  },
};

/** Wraps a step so that the store and the processes are compared with the model once they have settled. */
const compared = (step: JobStep): JobStep => ({
  check: step.check,
  toString: step.toString,
  async run(model, real) {
    await step.run(model, real);
    const wanted = [...model.jobs].map(([id, { state, attempts, fence, held, endsAt }]) => {
      return { id, state, attempts, fence, ends_at: held ? endsAt : 0, held: held ? 1 : 0 };
    });
    const works = model.believes.map((belief) => belief !== undefined);
    await expect
      .poll(
        async () => ({
          jobs: await jobRows(real),
          works: model.processes.map(({ work }) => work !== undefined),
          saved: await savedTimes(real),
        }),
        { timeout: 5_000, interval: 1 },
      )
      .toEqual({ jobs: wanted, works, saved: [...model.saved].sort(([a], [b]) => a - b) });
    for (const times of model.saved.values()) expect(times).toBe(1);
  },
});

async function jobRows({ services }: Machine) {
  const rows = await services.store.db
    .selectFrom('jobs')
    .leftJoin('leases', (join) => join.onRef('leases.subject', '=', 'jobs.id').on('leases.kind', '=', 'job'))
    .select(['jobs.id', 'state', 'attempts', 'fence', 'holder', 'ends_at'])
    .orderBy('jobs.id')
    .execute();
  return rows.map(({ holder, fence, ends_at, ...row }) => {
    return { ...row, fence: fence ?? 0, ends_at: ends_at ?? 0, held: holder === null ? 0 : 1 };
  });
}

async function savedTimes({ services }: Machine): Promise<[number, number][]> {
  const times = new Map<number, number>();
  for (const { at } of await services.store.db.selectFrom('kills').selectAll().orderBy('at').execute())
    times.set(at, (times.get(at) ?? 0) + 1);
  return [...times];
}

const process = fc.nat({ max: PROCESSES - 1 });
const steps = [
  fc.constant(enqueue),
  process.map(kick),
  process.map(kick),
  process.map((index) => end(index, 'done')),
  process.map((index) => end(index, 'fails')),
  process.map(beat),
  process.map(crash),
  process.map(stop),
  fc.constantFrom(0.4, 1, 2.5).map(advance),
  fc.constant(sweeper),
].map((arbitrary) => arbitrary.map(compared));

test('jobs do what their model does: each saved at most once, under a fence that only grows', {
  timeout: 600_000,
}, async () => {
  // Processes look for work when a step says so, and their hearts beat then: no real second passes.
  const spy = vi.spyOn(globalThis, 'setInterval').mockImplementation(((fn: () => void, ms: number) => {
    if (ms !== LOOK_MS) lastBeat = fn;
    return setTimeout(() => {}, 0).unref();
  }) as typeof setInterval);
  try {
    const fleet = await loadFleet(['tasks']);
    await explore(steps, () => start(fleet), { runs: 15, commands: 40, kept: kept.jobs });
  } finally {
    spy.mockRestore();
  }
});

async function start(fleet: Awaited<ReturnType<typeof loadFleet>>): Promise<{ model: Model; real: Machine }> {
  const real = await startMachine(fleet, await readDefinition('c-suite'));
  LEASE = leaseMs((await real.services.factory()).factory);
  const processes = Array.from({ length: PROCESSES }, () => startProcess(real));
  const believes = processes.map(() => undefined);
  return { model: { now: real.clock.now(), jobs: new Map(), saved: new Map(), believes, processes }, real };
}
