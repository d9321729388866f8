import { latestSubmission } from '../core/conditions.ts';
import { stepOf } from '../core/factory/steps.ts';
import type { HeldTask } from '../core/held.ts';
import { findTask } from '../core/held.ts';
import type { Row } from '../core/store/schema.ts';
import type { Call } from '../core/tool.ts';
import { endEstimate, keepEstimates } from './estimates.ts';
import { endLessons } from './lessons.ts';
import { beginTrial, judgeTrial } from './words.ts';

/** What the end of a task teaches: about the lessons given in it, about estimates, and about words on trial. */
export async function learnFrom(
  call: Call,
  task: HeldTask,
  run: Pick<Row<'pipelines'>, 'id' | 'name' | 'definition'> | undefined,
  isDone: boolean,
): Promise<void> {
  const { tx, now } = call;
  await endLessons(call, task, isDone);
  if (isDone) {
    await endEstimate(tx, task, now);
    if (run) await keepEstimates(tx, task, run, now);
    const step = stepOf(run, task);
    if (run && step) await beginTrial(call, run, step, task);
    return judgeTrial(call, task.role);
  }
  // A judge's task failed: the change it judged was made in another task, whose lessons may not have helped.
  const submission = run && (await latestSubmission(tx, { pipeline: run.id, task: task.id }));
  const builder = submission && submission.task !== task.id ? await findTask(tx, submission.task) : undefined;
  if (builder) await endLessons(call, builder, false);
  await judgeTrial(call, task.role);
}
