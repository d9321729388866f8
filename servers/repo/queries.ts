import type { Insertable } from 'kysely';
import type { Pipeline, Step } from '../core/factory/pipeline.ts';
import type { Submissions } from '../core/store/schema.ts';
import type { Db, Tx } from '../core/store/store.ts';

export type NewSubmission = Omit<Insertable<Submissions>, 'id' | 'merged_commit' | 'merged_at'>;

export async function insertSubmission(tx: Tx, submission: NewSubmission): Promise<number> {
  const row = await tx
    .insertInto('submissions')
    .values({ ...submission, merged_commit: null, merged_at: null })
    .returning('id')
    .executeTakeFirstOrThrow();
  return row.id;
}

export const findSubmission = (db: Db, id: number) =>
  db.selectFrom('submissions').selectAll().where('id', '=', id).executeTakeFirst();

/** The submission that a commit on mainline came from. */
export const submissionMergedAs = (db: Db, commit: string) =>
  db
    .selectFrom('submissions')
    .selectAll()
    .where('commit_id', '=', commit)
    .where('merged_commit', '=', commit)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();

/** The same change on the same base again, made by an earlier call. */
export const submissionOf = (db: Db, task: number, commit: string) =>
  db
    .selectFrom('submissions')
    .select('id')
    .where('task', '=', task)
    .where('commit_id', '=', commit)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();

/** Marks a submission as what mainline moved to; a second time changes nothing. */
export const markMerged = (tx: Tx, id: number, commit: string, now: number) =>
  tx
    .updateTable('submissions')
    .set({ merged_commit: commit, merged_at: now })
    .where('id', '=', id)
    .where('merged_commit', 'is', null)
    .execute();

export const deleteUnmerged = (tx: Tx, id: number) =>
  tx.deleteFrom('submissions').where('id', '=', id).where('merged_commit', 'is', null).execute();

export const unmergedOfTask = (db: Db, task: number) =>
  db
    .selectFrom('submissions')
    .selectAll()
    .where('task', '=', task)
    .where('merged_commit', 'is', null)
    .orderBy('id', 'desc')
    .limit(20)
    .execute();

export const setWorkspace = (tx: Tx, task: number, workspace: string) =>
  tx.updateTable('tasks').set({ workspace }).where('id', '=', task).execute();

export const findPipeline = (db: Db, id: number) =>
  db.selectFrom('pipelines').select(['id', 'state', 'definition']).where('id', '=', id).executeTakeFirst();

export interface StepTask {
  step: Step;
  phase: string;
  pipeline: number;
  role: string;
  round: number;
  createdBy: string;
  now: number;
  /** The task that comes first. */
  after?: number;
  /** It was done outside the factory already. */
  done?: boolean;
}

/** Work of a pipeline goes before single tasks. */
const PIPELINE_PRIORITY = 20;

/** Adds one task for a step of a pipeline. */
export async function insertStepTask(tx: Tx, task: StepTask): Promise<number> {
  const { step, after } = task;
  const { id } = await tx
    .insertInto('tasks')
    .values({
      title: step.title,
      description: step.description,
      criteria: JSON.stringify(step.criteria),
      stops: JSON.stringify(step.stops),
      role: task.role,
      priority: PIPELINE_PRIORITY,
      state: task.done ? 'done' : after === undefined ? 'ready' : 'waiting',
      deps_left: after === undefined ? 0 : 1,
      lapses: 0,
      ready_at: task.now,
      pipeline: task.pipeline,
      phase: task.phase,
      step: step.id,
      round: task.round,
      workspace: null,
      outcome: task.done ? step.title : null,
      created_by: task.createdBy,
      created_at: task.now,
      finished_at: task.done ? task.now : null,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  if (after !== undefined) await tx.insertInto('task_links').values({ task: id, needs: after }).execute();
  return id;
}

/** Starts a pipeline whose definition is `definition`. */
export async function insertPipeline(
  tx: Tx,
  run: { definition: Pipeline; request: string; createdBy: string; now: number },
): Promise<number> {
  const { id } = await tx
    .insertInto('pipelines')
    .values({
      name: run.definition.pipeline,
      request: run.request,
      definition: JSON.stringify(run.definition),
      state: 'running',
      created_by: run.createdBy,
      created_at: run.now,
      finished_at: null,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  return id;
}
