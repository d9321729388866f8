import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { answerCall } from '../../servers/core/call.ts';
import { loadApplied } from '../../servers/core/factory/applied.ts';
import { applyFirstDefinition, enrol, readDefinition } from '../../servers/core/factory/create.ts';
import { openSession } from '../../servers/core/identity.ts';
import { JobQueue } from '../../servers/core/jobs.ts';
import { beatLeases, leaseMs, sweep } from '../../servers/core/leases.ts';
import { factoryPaths } from '../../servers/core/paths.ts';
import { verifyRecord } from '../../servers/core/record.ts';
import type { Services } from '../../servers/core/services.ts';
import { SweepGuard } from '../../servers/core/sweeper.ts';
import { type Fleet, loadFleet } from '../../servers/fleet.ts';
import { insertTask } from '../../servers/tasks/queries.ts';
import { TestClock } from '../harness.ts';
import { newStore } from '../store/stores.ts';

const HOLDERS = 3;
const LAPSES = 3;
/** Task 3 needs 1 and 2, task 4 needs 3. */
const NEEDS: Readonly<Record<number, readonly number[]>> = { 1: [], 2: [], 3: [1, 2], 4: [3] };

interface ModelTask {
  state: 'waiting' | 'ready' | 'active' | 'done' | 'blocked';
  fence: number;
  lapses: number;
  readyAt: number;
  holder?: string | undefined;
  endsAt: number;
}

/** What must be so, kept without a database. */
interface Model {
  now: number;
  tasks: Map<number, ModelTask>;
  /** The task and fence each session believes it holds. */
  believes: Map<string, { task: number; fence: number }>;
  guard: SweepGuard;
  /** The session behind each of the holders; a crash puts a new one there. */
  sessions: string[];
  old: string[];
}

interface Real {
  services: Services;
  clock: TestClock;
  fleet: Fleet;
  newSession(): Promise<string>;
}

type Step = fc.AsyncCommand<Model, Real>;

let LEASE = 0;

const holds = (model: Model, session: string) => {
  const belief = model.believes.get(session);
  const task = belief && model.tasks.get(belief.task);
  const live = task?.holder === session && task.fence === belief?.fence && task.endsAt > model.now;
  return live ? task : undefined;
};

function sweepModel(model: Model): number {
  const expired = [...model.tasks.values()].filter(
    (task) => task.holder !== undefined && task.endsAt <= model.now,
  );
  for (const task of expired) {
    task.holder = undefined;
    task.lapses++;
    const pause = task.lapses === 1 ? 0 : LEASE * 2 ** (task.lapses - 2);
    task.readyAt = model.now + pause;
    task.state = task.lapses >= LAPSES ? 'blocked' : pause === 0 ? 'ready' : 'waiting';
  }
  return expired.length;
}

const depsDone = (model: Model, id: number) =>
  (NEEDS[id] ?? []).every((need) => model.tasks.get(need)?.state === 'done');

const entries = async ({ services }: Real, event: string) =>
  (await services.store.db.selectFrom('activity').select('seq').where('event', '=', event).execute()).length;

/** Runs one tool as one session, and checks that exactly the expected entries entered the record. */
async function call(
  real: Real,
  session: string,
  tool: string,
  args: object,
  expected: { ok: boolean; swept?: number },
) {
  const count = (event: string) => entries(real, event);
  const [calls, lapses] = [await count('call'), await count('lease.expired')];
  const answer = await answerCall(real.fleet.tools, real.services, session, {
    name: tool,
    arguments: args,
    signal: new AbortController().signal,
  });
  expect(answer.ok ? 'ok' : answer.error.code).toSatisfy((code) => (code === 'ok') === expected.ok);
  expect((await count('call')) - calls).toBe(expected.ok ? 1 : 0);
  expect((await count('lease.expired')) - lapses).toBe(expected.ok ? (expected.swept ?? 0) : 0);
  return answer;
}

const checkout = (holder: number): Step => ({
  check: () => true,
  toString: () => `checkout(${holder})`,
  async run(model, real) {
    const session = model.sessions[holder] ?? '';
    if (holds(model, session)) {
      await call(real, session, 'task_checkout', {}, { ok: true });
      return;
    }
    const before = structuredClone(model.tasks);
    const swept = model.guard.mayEnd(model.now, LEASE / 3) ? sweepModel(model) : 0;
    for (const [id, task] of model.tasks) {
      if (task.state === 'waiting' && depsDone(model, id) && task.readyAt <= model.now) task.state = 'ready';
    }
    const next = [...model.tasks].find(([, task]) => task.state === 'ready');
    const answer = await call(real, session, 'task_checkout', {}, { ok: next !== undefined, swept });
    if (!next) {
      model.tasks = before; // a refused call changes nothing, not even what it swept on its way
      return;
    }
    const [id, task] = next;
    expect(answer).toMatchObject({ value: { task: `T-${id}` } });
    expect(depsDone(model, id)).toBe(true);
    Object.assign(task, {
      state: 'active',
      holder: session,
      fence: task.fence + 1,
      endsAt: model.now + LEASE,
    });
    model.believes.set(session, { task: id, fence: task.fence });
  },
});

/** One of the three ways to let go of a task; by a session that does not hold it, a stale write. */
const letGo = (
  tool: 'task_complete' | 'task_return' | 'task_block',
  pick: (model: Model) => string | undefined,
  says: string,
): Step => ({
  check: (model) => pick(model) !== undefined,
  toString: () => says,
  async run(model, real) {
    const session = pick(model) ?? '';
    const task = holds(model, session);
    const args = tool === 'task_complete' ? { summary: 'Done.' } : { why: 'It cannot be done as it stands.' };
    await call(real, session, tool, args, { ok: task !== undefined });
    if (!task) return;
    task.holder = undefined;
    task.state = { task_complete: 'done', task_return: 'ready', task_block: 'blocked' }[
      tool
    ] as ModelTask['state'];
    model.believes.delete(session);
    for (const [id, other] of model.tasks) {
      if (tool === 'task_complete' && other.state === 'waiting' && other.lapses === 0 && depsDone(model, id))
        other.state = 'ready';
    }
  },
});

const beat = (holder: number): Step => ({
  check: () => true,
  toString: () => `beat(${holder})`,
  async run(model, { services }) {
    const session = model.sessions[holder] ?? '';
    await services.store.transaction((tx) => beatLeases(tx, session, model.now, model.now + LEASE));
    for (const task of model.tasks.values()) {
      if (task.holder === session && task.endsAt > model.now) task.endsAt = model.now + LEASE;
    }
  },
});

const advance = (share: number): Step => ({
  check: () => true,
  toString: () => `advance(${share} leases)`,
  async run(model, { clock }) {
    clock.advance(Math.round(LEASE * share));
    model.now = clock.now();
  },
});

const crash = (holder: number): Step => ({
  check: () => true,
  toString: () => `crash(${holder})`,
  async run(model, real) {
    model.old.push(model.sessions[holder] ?? '');
    model.sessions[holder] = await real.newSession();
  },
});

const sweeper: Step = {
  check: () => true,
  toString: () => 'sweep',
  async run(model, real) {
    const { store, factory } = real.services;
    const before = await entries(real, 'lease.expired');
    const definition = (await factory()).factory;
    const swept = await store.transaction((tx) => sweep(store, tx, definition, model.now));
    expect(swept).toHaveLength(sweepModel(model));
    expect((await entries(real, 'lease.expired')) - before).toBe(swept.length);
  },
};

/** Wraps a step so that the whole store is compared with the model after it. */
const compared = (step: Step): Step => ({
  check: step.check,
  toString: step.toString,
  async run(model, real) {
    const fences = new Map([...model.tasks].map(([id, { fence }]) => [id, fence]));
    await step.run(model, real);
    const { db } = real.services.store;
    const rows = await db
      .selectFrom('tasks')
      .leftJoin('leases', (join) =>
        join.onRef('leases.subject', '=', 'tasks.id').on('leases.kind', '=', 'task'),
      )
      .select(['tasks.id', 'tasks.state', 'tasks.lapses', 'leases.fence', 'leases.holder'])
      .orderBy('tasks.id')
      .execute();
    const seen = rows.map(({ holder, fence, ...row }) => ({
      ...row,
      fence: fence ?? 0,
      holder: holder ?? undefined,
    }));
    const wanted = [...model.tasks].map(([id, { state, lapses, fence, holder }]) => ({
      id,
      state,
      lapses,
      fence,
      holder,
    }));
    expect(seen).toEqual(wanted);
    for (const row of seen) {
      expect(row.fence - (fences.get(row.id) ?? 0)).toBeOneOf([0, 1]);
      expect(row.state === 'active').toBe(row.holder !== undefined);
    }
  },
});

const holder = fc.nat({ max: HOLDERS - 1 });
const current = (index: number) => (model: Model) => model.sessions[index];
const steps = [
  holder.map(checkout),
  holder.map(checkout),
  holder.map((index) => letGo('task_complete', current(index), `complete(${index})`)),
  holder.map((index) => letGo('task_return', current(index), `return(${index})`)),
  holder.map((index) => letGo('task_block', current(index), `block(${index})`)),
  holder.map((index) =>
    letGo(
      'task_complete',
      (model) => model.old.filter((session) => model.believes.has(session)).at(-1 - index),
      `stale complete(${index})`,
    ),
  ),
  holder.map(beat),
  holder.map(crash),
  fc.constantFrom(0.2, 0.4, 0.7, 1, 2.5).map(advance),
  fc.constant(sweeper),
].map((arbitrary) => arbitrary.map(compared));

test('the lease machine does what its model does, whatever happens in whatever order', {
  timeout: 60_000,
}, async () => {
  const fleet = await loadFleet(['tasks']);
  const property = fc.asyncProperty(fc.commands(steps, { maxCommands: 40, size: 'max' }), (commands) =>
    fc.asyncModelRun(() => start(fleet), commands),
  );
  await fc.assert(property.afterEach(finish), { numRuns: 15 });
});

let running: Real | undefined;
afterEach(finish);

async function finish() {
  const real = running;
  running = undefined;
  if (!real) return;
  expect(await verifyRecord(real.services.store.db)).toMatchObject({ ok: true });
  await real.services.store.close();
}

async function start(fleet: Fleet): Promise<{ model: Model; real: Real }> {
  const clock = new TestClock();
  const { store, location } = await newStore('sqlite');
  const unused = () => Promise.reject(new Error('not part of a lease'));
  const services: Services = {
    paths: factoryPaths(dirname(location)),
    store,
    clock,
    jobs: new JobQueue({}),
    sweepGuard: new SweepGuard(clock.now()),
    factory: () => loadApplied(store.db),
    sandbox: unused,
    target: unused,
    key: unused,
    log: () => {},
  };
  const { factory } = await applyFirstDefinition(services, await readDefinition('c-suite'), 'initial');
  LEASE = leaseMs(factory);
  await store.transaction(async (tx) => {
    const task = {
      title: 'A task',
      description: '',
      criteria: ['x'],
      stops: ['x'],
      role: 'developer',
      priority: 50,
    };
    for (const needs of Object.values(NEEDS))
      await insertTask(tx, { ...task, needs, createdBy: 'ceo', now: clock.now() });
  });
  const { token } = JSON.parse(await readFile(await enrol(services, 'developer'), 'utf8')) as {
    token: string;
  };
  const newSession = async () => (await openSession(services, token)).id;
  const sessions = await Promise.all(Array.from({ length: HOLDERS }, newSession));
  const real: Real = { services, clock, fleet, newSession };
  running = real;
  const entries = Object.keys(NEEDS).map((id) => {
    const state = NEEDS[Number(id)]?.length === 0 ? ('ready' as const) : ('waiting' as const);
    return [Number(id), { state, fence: 0, lapses: 0, readyAt: 0, endsAt: 0 }] as const;
  });
  const guard = new SweepGuard(clock.now());
  const model: Model = {
    now: clock.now(),
    tasks: new Map(entries),
    believes: new Map(),
    guard,
    sessions,
    old: [],
  };
  return { model, real };
}
