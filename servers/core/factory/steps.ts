import type { Row } from '../store/schema.ts';
import type { Pipeline, Step } from './pipeline.ts';

/** The step a pipeline gets when a release had to come back; no definition lists it. */
export const ROLLBACK: Step = {
  id: 'rollback',
  role: 'infra',
  title: 'See the rollback through',
  description:
    'The release failed and the server put the previous one back. Say what failed, so that a fix can start from it.',
  criteria: ['The previous release answers', 'The fault is stated so that a fix can start from it'],
  stops: ['The previous release does not answer either: task_block at once'],
  after: [],
  reads: [],
  writes: ['incident'],
  accepts: [],
  closes: [],
};

/** The definition a pipeline was started with; later changes of the factory do not reach it. */
export function definitionOf(run: Pick<Row<'pipelines'>, 'definition'>): Pipeline {
  return JSON.parse(run.definition) as Pipeline;
}

/** The step a pipeline task stands for; undefined for a single task. */
export function stepOf(
  run: Pick<Row<'pipelines'>, 'definition'> | undefined,
  task: Pick<Row<'tasks'>, 'step'>,
): Step | undefined {
  if (!run || task.step === null) return undefined;
  if (task.step === ROLLBACK.id) return ROLLBACK;
  return definitionOf(run)
    .phases.flatMap((phase) => phase.steps)
    .find((step) => step.id === task.step);
}
