import { takeIn } from '../core/git/intake.ts';
import { pipelineId, submissionId, taskId } from '../core/ids.ts';
import { append } from '../core/record.ts';
import type { Services } from '../core/services.ts';
import { adoptionPipeline } from './adoption.ts';
import { landingOf } from './landing.ts';
import { openMainline } from './mainline.ts';
import { propose } from './propose.ts';
import { insertPipeline, insertStepTask, insertSubmission } from './queries.ts';
import { refusing } from './refusals.ts';

export interface Adoption {
  /** The person's working folder, with a `.git` of its own. */
  repository: string;
  /** Full id. */
  commit: string;
  /** The person's name in the factory. */
  human: string;
}

/**
 * Brings a person's own commit in, for `millwright adopt`: gates, review, QA and merge follow as for any change,
 * in a pipeline of their own. A person may change protected paths; the form of paths holds for everybody.
 *
 * Throws `ToolError` as change_submit does, and `Error` when the factory has no role for a judgement.
 */
export async function adoptCommit(
  services: Services,
  { repository, commit, human }: Adoption,
): Promise<{ pipeline: string; task: string; submission: string; commit: string }> {
  const { factory } = await services.factory();
  const now = services.clock.now();
  const who = `human:${human}`;
  const title = `Adopt ${commit.slice(0, 12)}`;
  const definition = adoptionPipeline(factory, title);
  const bare = await openMainline(services);
  const { changed: _changed, ...proposed } = await refusing(async () => {
    await takeIn(bare, { clone: repository, commit, ref: `refs/adopt/${commit}` });
    return propose(bare, factory, {
      tip: commit,
      landing: landingOf(who, title, `Adopted: ${commit}`, now),
      author: { writes: ['**'], allowProtected: true },
    });
  });
  return services.store.transaction(async (tx) => {
    const createdBy = who;
    const pipeline = await insertPipeline(tx, { definition, request: title, createdBy, now });
    const tasks: number[] = [];
    for (const { id: phase, steps } of definition.phases) {
      for (const step of steps) {
        const after = tasks.length > 1 ? { after: tasks.at(-1) as number } : {};
        const of = { step, phase, pipeline, role: step.role, round: 1, createdBy, now };
        tasks.push(await insertStepTask(tx, { ...of, ...after, done: tasks.length === 0 }));
      }
    }
    const task = tasks[0] as number;
    const by = { agent: who, root: who, session: who, fence: 0 };
    const submission = await insertSubmission(tx, { ...proposed, ...by, task, pipeline, created_at: now });
    await append(services.store, tx, {
      at: now,
      session: who,
      agent: who,
      role: 'human',
      event: 'change.adopted',
      subject: `submission:${submission}`,
      body: { adopted: commit, commit: proposed.commit_id, task, pipeline },
    });
    return {
      pipeline: pipelineId(pipeline),
      task: taskId(task),
      submission: submissionId(submission),
      commit: proposed.commit_id,
    };
  });
}
