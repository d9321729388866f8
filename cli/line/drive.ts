import { setTimeout as sleep } from 'node:timers/promises';
import type { Factory } from '../../servers/core/factory/definition.ts';
import { checkpointId, taskId } from '../../servers/core/ids.ts';
import { append } from '../../servers/core/record.ts';
import type { Services } from '../../servers/core/services.ts';
import type { Row } from '../../servers/core/store/schema.ts';
import { insertSpawn } from '../../servers/tasks/agents_queries.ts';
import { endRun } from '../../servers/tasks/runs_queries.ts';
import { shown } from '../io.ts';
import { pipelineRow, pipelineTaskRows } from '../pipeline_queries.ts';
import { busyAgents, openDecisions, runsOf } from './queries.ts';

const LOOK_MS = 1000;
const PAUSE_MS = 150;
const OPERATOR = { session: 'server', agent: 'operator', role: 'operator' };

/** How driving a pipeline ended. */
export type Driven =
  | { state: 'done' | 'dropped' | 'blocked' }
  | { state: 'stuck'; task: number; why: string }
  | { state: 'interrupted' };

export interface Driving {
  readonly services: Services;
  readonly pipeline: number;
  readonly signal: AbortSignal;
  /** For the person who watches. */
  tell(line: string): void;
  /** Called after each look, for what else there is to show. */
  look(): Promise<void>;
}

/**
 * Has a run queued for every task of a pipeline that can be taken, until the pipeline has ended or waits for somebody:
 * a task of which a human has to decide something is left alone until the decision is made.
 */
export async function drive(driving: Driving): Promise<Driven> {
  const { services, pipeline, signal, tell } = driving;
  const { db } = services.store;
  const asked = new Set<number>();
  for (;;) {
    await driving.look();
    if (signal.aborted) return interrupted(driving);
    const now = services.clock.now();
    const run = await pipelineRow(db, pipeline);
    if (run && run.state !== 'running') return { state: run.state };
    const tasks = await pipelineTaskRows(db, pipeline);
    const blocked = tasks.find(({ state }) => state === 'blocked');
    if (blocked) return { state: 'stuck', task: blocked.id, why: blocked.outcome ?? '' };
    const decisions = await openDecisions(db, pipeline, now);
    for (const one of decisions.filter(({ id }) => !asked.has(id))) {
      asked.add(one.id);
      const id = checkpointId(one.id);
      tell(`${id} waits for you: ${shown(one.title)}. Decide in another terminal: millwright approve ${id}`);
    }
    const waiting = new Set(decisions.map(({ task }) => task));
    for (const task of tasks)
      if (canBeTaken(task, now) && !waiting.has(task.id)) await queueFor(driving, task, now);
    await services.store.changed(LOOK_MS, signal);
    await sleep(PAUSE_MS);
  }
}

const canBeTaken = ({ state, deps_left, ready_at }: Row<'tasks'>, now: number) =>
  state === 'ready' || (state === 'waiting' && deps_left === 0 && ready_at <= now);

async function queueFor({ services, tell }: Driving, task: Row<'tasks'>, now: number): Promise<void> {
  const { factory } = await services.factory();
  const { store } = services;
  const agent = await store.transaction(async (tx) => {
    const open = await tx
      .selectFrom('spawns')
      .select('id')
      .where('task', '=', task.id)
      .where('state', 'in', ['queued', 'running'])
      .executeTakeFirst();
    const free = open ? undefined : freeAgent(factory, task.role, await busyAgents(tx, now));
    if (!free) return undefined;
    const run = { role: task.role, agent: free, task: task.id, message: '' };
    const { id } = await insertSpawn(tx, { ...run, root: 'operator', requestedBy: 'operator', now });
    await append(store, tx, {
      at: now,
      ...OPERATOR,
      event: 'run.queued',
      subject: `run:${id}`,
      why: taskId(task.id),
    });
    return free;
  });
  if (agent) tell(`${taskId(task.id)} ${task.phase ?? ''} → ${agent}: ${shown(task.title)}`);
}

const freeAgent = (factory: Factory, role: string, busy: ReadonlySet<string>) =>
  factory.roles[role]?.agents.find((name) => !busy.has(name));

/** What nobody began yet is not begun later without the person who asked for it. */
async function interrupted({ services, pipeline }: Driving): Promise<Driven> {
  const { store, clock } = services;
  const queued = (await runsOf(store.db, pipeline)).filter(({ state }) => state === 'queued');
  for (const { id } of queued)
    await store.transaction((tx) =>
      endRun(tx, id, { outcome: 'stopped', said: 'The person who asked for it left.', now: clock.now() }),
    );
  return { state: 'interrupted' };
}
