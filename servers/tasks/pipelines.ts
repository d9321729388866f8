import { latestRelease, latestSubmission } from '../core/conditions.ts';
import type { Factory } from '../core/factory/definition.ts';
import { roleFor } from '../core/factory/parse.ts';
import type { Phase, Step } from '../core/factory/pipeline.ts';
import { definitionOf, ROLLBACK } from '../core/factory/steps.ts';
import { findTask } from '../core/held.ts';
import { pipelineId } from '../core/ids.ts';
import { releaseLease } from '../core/leases.ts';
import type { Row } from '../core/store/schema.ts';
import type { Tx } from '../core/store/store.ts';
import { handOver } from './artifacts_queries.ts';
import { endPipeline, pipelineTasks } from './pipelines_queries.ts';
import { finishTask, insertTask } from './queries.ts';

/** Work of a pipeline goes before single tasks, which default to 50. */
const PIPELINE_PRIORITY = 20;
/** Where one started pipeline stands; its definition is the one it was started with. */
export type Run = Pick<Row<'pipelines'>, 'id' | 'name' | 'definition'>;

interface Rows {
  tx: Tx;
  factory: Factory;
  run: Run;
  round: number;
  createdBy: string;
  now: number;
}

/**
 * Adds one round of task rows for `phases`: inside a phase steps wait for those in `after`, and a phase waits
 * for the one before it. A failure adds new rows and never an edge back, so the DAG stays acyclic.
 */
export async function addRound(rows: Rows, phases: readonly Phase[], report?: number): Promise<void> {
  let before: number[] = [];
  for (const [index, phase] of phases.entries()) {
    const ids = new Map<string, number>();
    for (const step of phase.steps) {
      const needs = step.after.length > 0 ? step.after.map((id) => ids.get(id) as number) : before;
      ids.set(step.id, await addStep(rows, phase.id, step, needs));
    }
    if (index === 0 && report !== undefined) await handOver(rows.tx, [...ids.values()], report);
    before = [...ids.values()];
  }
}

async function addStep(
  { tx, factory, run, round, createdBy, now }: Rows,
  phase: string,
  step: Step,
  needs: number[],
): Promise<number> {
  const role = roleFor(factory, step.role);
  if (!role) throw new Error(`The factory has no role for ${step.role}.`);
  return insertTask(tx, {
    title: step.title,
    description: step.description,
    criteria: step.criteria,
    stops: step.stops,
    role,
    priority: PIPELINE_PRIORITY,
    needs,
    createdBy,
    now,
    pipeline: run.id,
    phase,
    step: step.id,
    round,
  });
}

/** What a failure did to the pipeline, in words for the agent that met it. */
export type FailureOutcome = { kind: 'dropped' | 'blocked' | 'round'; says: string };

/**
 * A phase failed: what is left of this round is cancelled, and a new round starts at the phase the definition
 * names, with the report as input. After the last allowed round the pipeline is blocked for a human.
 */
export async function failPhase(
  rows: Rows,
  failed: Row<'tasks'>,
  report: number | undefined,
): Promise<FailureOutcome> {
  const { tx, run, now } = rows;
  const { phases, rounds } = definitionOf(run);
  for (const task of await pipelineTasks(tx, run.id)) {
    if (task.id !== failed.id && ['waiting', 'ready', 'active', 'blocked'].includes(task.state)) {
      if (task.state === 'active') await releaseLease(tx, 'task', task.id);
      await finishTask(tx, task.id, 'cancelled', `Round ${task.round} ended in ${failed.phase}.`, now);
    }
  }
  const target = await whereTo(tx, run, failed);
  if (target === 'drop') {
    await endPipeline(tx, run.id, 'dropped', now);
    return { kind: 'dropped', says: `${pipelineId(run.id)} is dropped.` };
  }
  const round = failed.round + 1;
  if (round > rounds) {
    await endPipeline(tx, run.id, 'blocked', now);
    return {
      kind: 'blocked',
      says: `${pipelineId(run.id)} failed ${rounds} rounds and waits for the human.`,
    };
  }
  if (target === 'rollback') {
    await addRound(
      { ...rows, round },
      [{ id: failed.phase ?? 'deploy', name: 'Rollback', on_failure: 'drop', steps: [ROLLBACK] }],
      report,
    );
    return { kind: 'round', says: 'The previous release is back; a rollback task was added.' };
  }
  const from = phases.findIndex((phase) => phase.id === target);
  await addRound({ ...rows, round }, phases.slice(from), report);
  return { kind: 'round', says: `Round ${round} starts at ${target}.` };
}

/**
 * Where a failed phase leads, by the definition. A rollback undoes a release: while nothing of the pipeline was
 * released, a change that cannot be landed goes back to the phase it was built in.
 */
async function whereTo(tx: Tx, run: Run, failed: Row<'tasks'>): Promise<string> {
  const target = definitionOf(run).phases.find((phase) => phase.id === failed.phase)?.on_failure ?? 'drop';
  if (target !== 'rollback' || (await latestRelease(tx, run.id))) return target;
  const submission = await latestSubmission(tx, { pipeline: run.id, task: failed.id });
  const built = submission && (await findTask(tx, submission.task));
  return built?.phase ?? target;
}

/** Ends the pipeline once no task of it is left open: done, or dropped when its release had to come back. */
export async function settlePipeline(
  tx: Tx,
  pipeline: number,
  now: number,
): Promise<'done' | 'dropped' | undefined> {
  const tasks = await pipelineTasks(tx, pipeline);
  if (tasks.some((task) => ['waiting', 'ready', 'active', 'blocked'].includes(task.state))) return undefined;
  const state = tasks.some((task) => task.step === ROLLBACK.id) ? 'dropped' : 'done';
  await endPipeline(tx, pipeline, state, now);
  return state;
}
