import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readDefinition } from '../../servers/core/factory/create.ts';
import { beatLeases, leaseMs, sweep } from '../../servers/core/leases.ts';
import { SweepGuard } from '../../servers/core/sweeper.ts';
import { type Fleet, loadFleet } from '../../servers/fleet.ts';
import { insertTask } from '../../servers/tasks/queries.ts';
import kept from './models/kept.json' with { type: 'json' };
import { callTool, entries, explore, type Machine, type Step, startMachine } from './models/machine.ts';

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
  /** Whether a human stopped the factory. */
  stopped: boolean;
}

type LeaseStep = Step<Model>;

let LEASE = 0;

const holds = (model: Model, session: string) => {
  const belief = model.believes.get(session);
  const task = belief && model.tasks.get(belief.task);
  const live = task?.holder === session && task.fence === belief?.fence && task.endsAt > model.now;
  return live ? task : undefined;
};

/** A beat, or the same task asked for again: what is still held is held longer. */
function extend(model: Model, session: string): void {
  for (const task of model.tasks.values())
    if (task.holder === session && task.endsAt > model.now) task.endsAt = model.now + LEASE;
}

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

const checkout = (holder: number): LeaseStep => ({
  check: () => true,
  toString: () => `checkout(${holder})`,
  async run(model, real) {
    const session = model.sessions[holder] ?? '';
    if (model.stopped) {
      await callTool(real, session, 'task_checkout', {}, { code: 'LIMIT' });
      return;
    }
    if (holds(model, session)) {
      await callTool(real, session, 'task_checkout', {}, { code: 'ok' });
      extend(model, session);
      return;
    }
    const before = structuredClone(model.tasks);
    const swept = model.guard.mayEnd(model.now, LEASE / 3) ? sweepModel(model) : 0;
    for (const [id, task] of model.tasks) {
      if (task.state === 'waiting' && depsDone(model, id) && task.readyAt <= model.now) task.state = 'ready';
    }
    const next = [...model.tasks].find(([, task]) => task.state === 'ready');
    const code = next ? 'ok' : 'NOT_FOUND';
    const answer = await callTool(real, session, 'task_checkout', {}, { code, swept });
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
): LeaseStep => ({
  check: (model) => pick(model) !== undefined,
  toString: () => says,
  async run(model, real) {
    const session = pick(model) ?? '';
    const task = holds(model, session);
    const args = tool === 'task_complete' ? { summary: 'Done.' } : { why: 'It cannot be done as it stands.' };
    const refused = model.believes.has(session) ? 'LEASE_LOST' : 'CONFLICT';
    await callTool(real, session, tool, args, { code: task ? 'ok' : refused });
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

const beat = (holder: number): LeaseStep => ({
  check: () => true,
  toString: () => `beat(${holder})`,
  async run(model, { services }) {
    const session = model.sessions[holder] ?? '';
    await services.store.transaction((tx) => beatLeases(tx, session, model.now, model.now + LEASE));
    extend(model, session);
  },
});

const advance = (share: number): LeaseStep => ({
  check: () => true,
  toString: () => `advance(${share} leases)`,
  async run(model, { clock }) {
    clock.advance(Math.round(LEASE * share));
    model.now = clock.now();
  },
});

const crash = (holder: number): LeaseStep => ({
  check: () => true,
  toString: () => `crash(${holder})`,
  async run(model, real) {
    model.old.push(model.sessions[holder] ?? '');
    model.sessions[holder] = await real.newSession('developer');
  },
});

const sweeper: LeaseStep = {
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

const stop = (stopped: boolean): LeaseStep => ({
  check: (model) => model.stopped !== stopped,
  toString: () => (stopped ? 'stop' : 'resume'),
  async run(model, { services: { store } }) {
    const row = { scope: 'factory', reason: 'too dear', at: model.now };
    if (stopped) await store.db.insertInto('kills').values(row).execute();
    else await store.db.deleteFrom('kills').execute();
    model.stopped = stopped;
  },
});

/** Wraps a step so that the whole store is compared with the model after it. */
const compared = (step: LeaseStep): LeaseStep => ({
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
  fc.constantFrom(true, false, false).map(stop),
].map((arbitrary) => arbitrary.map(compared));

test('the lease machine does what its model does, whatever happens in whatever order', {
  timeout: 600_000,
}, async () => {
  const fleet = await loadFleet(['tasks']);
  await explore(steps, () => start(fleet), { runs: 15, commands: 40, kept: kept.leases });
});

async function start(fleet: Fleet): Promise<{ model: Model; real: Machine }> {
  const real = await startMachine(fleet, await readDefinition('c-suite'));
  const { services, clock, newSession } = real;
  LEASE = leaseMs((await services.factory()).factory);
  await services.store.transaction(async (tx) => {
    const words = { title: 'A task', description: '', criteria: ['x'], stops: ['x'] };
    const task = { ...words, role: 'developer', priority: 50, createdBy: 'ceo', now: clock.now() };
    for (const needs of Object.values(NEEDS)) await insertTask(tx, { ...task, needs });
  });
  const sessions: string[] = [];
  while (sessions.length < HOLDERS) sessions.push(await newSession('developer'));
  const tasks = Object.keys(NEEDS).map((id) => {
    const state = NEEDS[Number(id)]?.length === 0 ? ('ready' as const) : ('waiting' as const);
    return [Number(id), { state, fence: 0, lapses: 0, readyAt: 0, endsAt: 0 }] as const;
  });
  const guard = new SweepGuard(clock.now());
  const model: Model = {
    now: clock.now(),
    tasks: new Map(tasks),
    believes: new Map(),
    guard,
    sessions,
    old: [],
    stopped: false,
  };
  return { model, real };
}
