import type { Command } from 'commander';
import { conditionStates, latestSubmission, MACHINE_GATES } from '../../servers/core/conditions.ts';
import type { Factory } from '../../servers/core/factory/definition.ts';
import { roleFor } from '../../servers/core/factory/parse.ts';
import type { Phase } from '../../servers/core/factory/pipeline.ts';
import { definitionOf } from '../../servers/core/factory/steps.ts';
import { pipelineId, taskId } from '../../servers/core/ids.ts';
import type { Row } from '../../servers/core/store/schema.ts';
import type { Db } from '../../servers/core/store/store.ts';
import { withFactory } from '../factories.ts';
import { CommandError, EXIT } from '../failures.ts';
import { handled } from '../handled.ts';
import { shown, table } from '../io.ts';
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
    .description('where one pipeline stands: phases, gates with their evidence, decisions, release')
    .action(
      handled((_io, options, id = '') =>
        withFactory(options, async (services) => {
          const number = Number(/^P-([1-9]\d{0,11})$/.exec(id)?.[1]);
          const { db } = services.store;
          const run = number ? await pipelineRow(db, number) : undefined;
          if (!run)
            throw new CommandError(
              'ID',
              `There is no pipeline "${shown(id)}".`,
              'Give an id such as P-1.',
              EXIT.usage,
            );
          const { factory } = await services.factory();
          const tasks = await pipelineTaskRows(db, number);
          const phases = await Promise.all(
            definitionOf(run).phases.map((phase) => phaseShown(db, factory, phase, tasks)),
          );
          const fences = Object.fromEntries(
            (await fencesOf(db, number)).map(({ subject, fence }) => [taskId(subject), fence]),
          );
          const value = {
            pipeline: pipelineId(number),
            name: run.name,
            state: run.state,
            request: run.request,
            phases,
            checkpoints: await pipelineCheckpoints(db, number),
            release: (await releaseOf(db, number)) ?? null,
            fences,
          };
          const rows = phases.map((phase) => [
            phase.name,
            phase.role,
            phase.state,
            String(phase.rounds),
            gatesText(phase.gates),
          ]);
          return {
            value,
            text: `${value.pipeline} ${value.name} is ${value.state}: ${shown(value.request)}\n\n${table(['phase', 'role', 'state', 'rounds', 'gates'], rows)}`,
          };
        }),
      ),
    );
}

async function phaseShown(
  db: Db,
  factory: Factory,
  phase: Phase,
  tasks: readonly Row<'tasks'>[],
): Promise<PhaseShown> {
  const own = tasks.filter((task) => task.phase === phase.id);
  const rounds = new Set(own.map((task) => task.round)).size;
  const last = own.filter((task) => task.round === Math.max(...own.map((one) => one.round)));
  const gates = await Promise.all(phase.steps.map((step) => gatesOf(db, factory, step, last)));
  const roles = [...new Set(phase.steps.map((step) => roleFor(factory, step.role) ?? step.role))];
  const open = last.find((task) => task.state !== 'done');
  return {
    id: phase.id,
    name: phase.name,
    role: roles.join(', '),
    rounds,
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
