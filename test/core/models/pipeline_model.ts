import type { SweepGuard } from '../../../servers/core/sweeper.ts';
import { LINE, type Role, stepNamed, UNDO } from './line.ts';

export const LAPSES = 3;

export interface ModelTask {
  id: number;
  pipeline: number;
  phase: string;
  step: string;
  round: number;
  role: string;
  state: 'waiting' | 'ready' | 'active' | 'done' | 'blocked' | 'cancelled';
  needs: number[];
  holder?: string | undefined;
  fence: number;
  endsAt: number;
  lapses: number;
  readyAt: number;
}

interface Document {
  id: number;
  body: string;
}

interface Question {
  id: number;
  pipeline: number;
  body: string;
  state: 'open' | 'approved' | 'rejected' | 'expired' | 'void';
  expiresAt: number;
}

/** What must be so, kept without a database. */
export interface Model {
  now: number;
  lease: number;
  stopped: boolean;
  guard: SweepGuard;
  tasks: ModelTask[];
  pipelines: { id: number; state: 'running' | 'done' | 'dropped' | 'blocked' }[];
  /** By pipeline and name, the newest. */
  documents: Map<string, Document>;
  /** By task, fence and name. */
  left: Set<string>;
  verdicts: Map<number, 'accept' | 'reject'>;
  questions: Question[];
  /** The session of each role, and what it believes to hold. */
  sessions: Map<Role, string>;
  believes: Map<string, { task: number; fence: number }>;
}

const OPEN = ['waiting', 'ready', 'active', 'blocked'];

/** The task that a session really holds. */
export function held(model: Model, session: string): ModelTask | undefined {
  const belief = model.believes.get(session);
  const task = model.tasks.find(({ id }) => id === belief?.task);
  const isLive = task?.holder === session && task.fence === belief?.fence && task.endsAt > model.now;
  return isLive ? task : undefined;
}

/** How a call that needs a held task is refused. */
export const refusedAs = (model: Model, session: string) =>
  model.believes.has(session) ? 'LEASE_LOST' : 'CONFLICT';

const needsDone = (model: Model, { needs }: ModelTask) =>
  needs.every((id) => model.tasks.find((task) => task.id === id)?.state === 'done');

/** Ends the leases whose time is over; how many. */
export function sweepLeases(model: Model): number {
  const expired = model.tasks.filter((task) => task.holder !== undefined && task.endsAt <= model.now);
  for (const task of expired) {
    task.holder = undefined;
    task.lapses++;
    const pause = task.lapses === 1 ? 0 : model.lease * 2 ** (task.lapses - 2);
    task.readyAt = model.now + pause;
    task.state = task.lapses >= LAPSES ? 'blocked' : pause === 0 ? 'ready' : 'waiting';
  }
  return expired.length;
}

/** Gives the first ready task of a role to its session. */
export function claim(model: Model, role: Role, session: string): ModelTask | undefined {
  for (const task of model.tasks)
    if (task.state === 'waiting' && needsDone(model, task) && task.readyAt <= model.now) task.state = 'ready';
  const next = model.tasks.find((task) => task.state === 'ready' && task.role === role);
  if (!next) return undefined;
  const fence = next.fence + 1;
  Object.assign(next, { state: 'active', holder: session, fence, endsAt: model.now + model.lease });
  model.believes.set(session, { task: next.id, fence });
  return next;
}

export function letGo(model: Model, task: ModelTask, state: ModelTask['state']): void {
  if (task.holder) model.believes.delete(task.holder);
  task.holder = undefined;
  task.state = state;
}

/** Adds the tasks of a round from a phase on. */
export function addTasks(model: Model, pipeline: number, round: number, from: number | 'rollback'): void {
  const phases = from === 'rollback' ? [{ id: 'ship', steps: [UNDO] }] : LINE.phases.slice(from);
  let before: number[] = [];
  for (const { id: phase, steps } of phases) {
    const ids = new Map<string, number>();
    for (const { id: step, role, after } of steps) {
      const needs = after.length > 0 ? after.map((name) => ids.get(name) as number) : before;
      const id = model.tasks.length + 1;
      const state = needs.length === 0 ? 'ready' : 'waiting';
      const place = { id, pipeline, phase, step, round, role, state, needs } as const;
      model.tasks.push({ ...place, fence: 0, endsAt: 0, lapses: 0, readyAt: model.now });
      ids.set(step, id);
    }
    before = [...ids.values()];
  }
}

/** What completing a held task would find: nothing missing, something open, or a no. */
export function judged(model: Model, task: ModelTask): 'closed' | 'open' | 'failed' {
  const { writes, accepts, checkpoint } = stepNamed(task.step);
  const found = [
    ...writes.map((name) => (model.left.has(`${task.id}/${task.fence}/${name}`) ? 'closed' : 'open')),
    ...accepts.map((name) => {
      const verdict = model.verdicts.get(model.documents.get(`${task.pipeline}/${name}`)?.id ?? 0);
      return verdict === undefined ? 'open' : verdict === 'accept' ? 'closed' : 'failed';
    }),
    ...(checkpoint ? [decision(model, task.pipeline)] : []),
  ];
  return found.includes('failed') ? 'failed' : found.includes('open') ? 'open' : 'closed';
}

function decision(model: Model, pipeline: number) {
  const asked = model.questions.filter((question) => question.pipeline === pipeline).at(-1);
  if (!asked || asked.body !== model.documents.get(`${pipeline}/brief`)?.body) return 'open';
  if (asked.state === 'approved') return 'closed';
  return asked.state === 'open' && asked.expiresAt > model.now ? 'open' : 'failed';
}

export function completed(model: Model, task: ModelTask): void {
  letGo(model, task, 'done');
  for (const other of model.tasks)
    if (other.state === 'waiting' && other.needs.includes(task.id) && needsDone(model, other))
      other.state = 'ready';
  const own = model.tasks.filter(({ pipeline }) => pipeline === task.pipeline);
  if (own.some(({ state }) => OPEN.includes(state))) return;
  end(model, task.pipeline, own.some(({ step }) => step === UNDO.id) ? 'dropped' : 'done');
}

/** The phase of this task did not hold. */
export function failedPhase(model: Model, task: ModelTask): void {
  letGo(model, task, 'cancelled');
  for (const other of model.tasks)
    if (other.pipeline === task.pipeline && OPEN.includes(other.state)) {
      other.holder = undefined; // its session still believes, and is told at its next call
      other.state = 'cancelled';
    }
  const target = LINE.phases.find(({ id }) => id === task.phase)?.on_failure;
  if (target === 'drop') end(model, task.pipeline, 'dropped');
  else if (task.round + 1 > LINE.rounds) end(model, task.pipeline, 'blocked');
  else if (target === 'rollback') addTasks(model, task.pipeline, task.round + 1, target);
  else
    addTasks(
      model,
      task.pipeline,
      task.round + 1,
      LINE.phases.findIndex(({ id }) => id === target),
    );
}

function end(model: Model, id: number, state: Model['pipelines'][number]['state']): void {
  const pipeline = model.pipelines.find((one) => one.id === id);
  if (pipeline) pipeline.state = state;
}
