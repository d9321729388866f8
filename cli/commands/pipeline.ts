import type { Command } from 'commander';
import { conditionStates, latestSubmission } from '../../servers/core/conditions.ts';
import type { Factory } from '../../servers/core/factory/definition.ts';
import { roleFor } from '../../servers/core/factory/parse.ts';
import type { Phase } from '../../servers/core/factory/pipeline.ts';
import { definitionOf } from '../../servers/core/factory/steps.ts';
import { MACHINE_GATES } from '../../servers/core/gates.ts';
import { pipelineId, taskId } from '../../servers/core/ids.ts';
import type { Services } from '../../servers/core/services.ts';
import type { Row } from '../../servers/core/store/schema.ts';
import type { Db } from '../../servers/core/store/store.ts';
import { withFactory } from '../factories.ts';
import { CommandError, EXIT } from '../failures.ts';
import { handled } from '../handled.ts';
import { type Result, shown, table } from '../io.ts';
import {
  fencesOf,
  isolationsOf,
  pipelineCheckpoints,
  pipelineRow,
  pipelineTaskRows,
  releaseOf,
} from '../pipeline_queries.ts';

interface GateShown {
  name: string;
  closed: boolean;
  digest: string;
  isolation: string;
}

interface PhaseShown {
  id: string;
  name: string;
  role: string;
  rounds: number;
  state: string;
  gates: GateShown[];
}

export function pipeline(program: Command): void {
  program
    .command('pipeline <id>')
    .description('where one pipeline (P-1) stands: phases, gates, decisions, release')
    .action(handled((_io, options, id = '') => withFactory(options, (services) => show(services, id))));
}

async function show(services: Services, id: string): Promise<Result> {
  const { db } = services.store;
  const { factory } = await services.factory();
  const number = Number(/^P-([1-9]\d{0,11})$/.exec(id)?.[1]);
  const run = number ? await pipelineRow(db, number) : undefined;
  if (!run) {
    throw new CommandError(
      'ID',
      `There is no pipeline "${shown(id)}".`,
      'Give an id such as P-1.',
      EXIT.usage,
    );
  }
  const tasks = await pipelineTaskRows(db, number);
  const fences = new Map((await fencesOf(db, number)).map(({ subject, fence }) => [subject, fence]));
  const phases: PhaseShown[] = [];
  for (const phase of definitionOf(run).phases)
    phases.push(await phaseShown(db, factory, phase, tasks, fences));
  const value = {
    pipeline: pipelineId(number),
    name: run.name,
    state: run.state,
    request: run.request,
    phases,
    checkpoints: await pipelineCheckpoints(db, number),
    release: (await releaseOf(db, number)) ?? null,
    fences: Object.fromEntries([...fences].map(([task, fence]) => [taskId(task), fence])),
  };
  const rows = phases.map((one) => [one.name, one.role, one.state, String(one.rounds), gatesText(one.gates)]);
  const text = table(['phase', 'role', 'state', 'rounds', 'gates'], rows);
  return { value, text: `${value.pipeline} ${run.name} is ${run.state}: ${shown(run.request)}\n\n${text}` };
}

/** A phase with the gates of its last round; only rounds in which somebody took a task count as entered. */
async function phaseShown(
  db: Db,
  factory: Factory,
  phase: Phase,
  tasks: readonly Row<'tasks'>[],
  fences: ReadonlyMap<number, number>,
): Promise<PhaseShown> {
  const own = tasks.filter((task) => task.phase === phase.id);
  const entered = own.filter((task) => fences.has(task.id));
  const last = own.filter((task) => task.round === Math.max(...own.map((one) => one.round)));
  const gates = await Promise.all(phase.steps.map((step) => gatesOf(db, factory, step, last)));
  const roles = [...new Set(phase.steps.map((step) => roleFor(factory, step.role) ?? step.role))];
  const open = last.find((task) => task.state !== 'done');
  return {
    id: phase.id,
    name: phase.name,
    role: roles.join(', '),
    rounds: new Set(entered.map((task) => task.round)).size,
    state: open?.state ?? 'done',
    gates: gates.flat(),
  };
}

async function gatesOf(
  db: Db,
  factory: Factory,
  step: Phase['steps'][number],
  last: readonly Row<'tasks'>[],
): Promise<GateShown[]> {
  const task = last.find((one) => one.step === step.id);
  if (!task) return [];
  const submission = await latestSubmission(db, { pipeline: task.pipeline, task: task.id });
  const isolations = submission
    ? await isolationsOf(db, submission.commit_id, [...MACHINE_GATES, 'qa.probe'])
    : new Map();
  const states = await conditionStates(db, factory, step, task);
  return states.map(({ name, state, evidence }) => ({
    name,
    closed: state === 'closed',
    digest: evidence ?? '',
    isolation: isolations.get(name === 'qa' ? 'qa.probe' : name) ?? '',
  }));
}

const gatesText = (gates: readonly GateShown[]) =>
  gates.map(({ name, closed }) => `${closed ? '' : 'OPEN '}${name}`).join(', ');
