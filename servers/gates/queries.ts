import { latestSubmission } from '../core/conditions.ts';
import type { Step } from '../core/factory/pipeline.ts';
import { stepOf } from '../core/factory/steps.ts';
import type { HeldTask } from '../core/held.ts';
import type { Session } from '../core/identity.ts';
import { sha256Hex } from '../core/signing/canonical.ts';
import type { Row } from '../core/store/schema.ts';
import type { Db, Tx } from '../core/store/store.ts';

/** The pipeline step that a task stands for; undefined for a single task. */
export async function stepOfTask(
  db: Db,
  task: Pick<Row<'tasks'>, 'pipeline' | 'step'>,
): Promise<Step | undefined> {
  if (task.pipeline === null) return undefined;
  const run = await db
    .selectFrom('pipelines')
    .select('definition')
    .where('id', '=', task.pipeline)
    .executeTakeFirst();
  return stepOf(run, task);
}

export const findPipeline = (db: Db, id: number) =>
  db.selectFrom('pipelines').select('id').where('id', '=', id).executeTakeFirst();

export interface Document {
  name: string;
  media: string;
  body: string;
}

/** Attaches a document to the held task, under its fence. */
export async function insertArtifact(
  tx: Tx,
  document: Document,
  { task, session, now }: { task: HeldTask; session: Session; now: number },
): Promise<Pick<Row<'artifacts'>, 'id' | 'digest' | 'size'>> {
  return tx
    .insertInto('artifacts')
    .values({
      ...document,
      task: task.id,
      pipeline: task.pipeline,
      digest: sha256Hex(document.body),
      size: Buffer.byteLength(document.body),
      session: session.id,
      agent: session.agent,
      root: session.root,
      fence: task.fence,
      created_at: now,
    })
    .returning(['id', 'digest', 'size'])
    .executeTakeFirstOrThrow();
}

export async function countArtifacts(db: Db, task: number): Promise<number> {
  const row = await db
    .selectFrom('artifacts')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('task', '=', task)
    .executeTakeFirstOrThrow();
  return Number(row.count);
}

export const findArtifact = (db: Db, id: number) =>
  db.selectFrom('artifacts').selectAll().where('id', '=', id).executeTakeFirst();

export const insertReview = (
  tx: Tx,
  review: Omit<Row<'reviews'>, 'id' | 'model'> & { model?: string | null },
) => tx.insertInto('reviews').values(review).returning('id').executeTakeFirstOrThrow();

export const insertFinding = (
  tx: Tx,
  finding: Omit<Row<'findings'>, 'id' | 'state' | 'evidence' | 'answered_by'>,
) =>
  tx
    .insertInto('findings')
    .values({ ...finding, state: 'open' })
    .returning('id')
    .executeTakeFirstOrThrow();

export const answerFinding = (
  tx: Tx,
  id: number,
  answer: Pick<Row<'findings'>, 'state' | 'evidence' | 'answered_by'>,
) => tx.updateTable('findings').set(answer).where('id', '=', id).where('state', '=', 'open').execute();

/** The model that a runner started this session's run on a task with; null where no runner did. */
export async function modelOfRun(db: Db, task: number, session: string): Promise<string | null> {
  const run = await db
    .selectFrom('spawns')
    .select('model')
    .where('task', '=', task)
    .where('session', '=', session)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
  return run?.model ?? null;
}

/** The submission of a task or its pipeline with this commit; without one, the latest. */
export async function submissionOf(
  db: Db,
  task: Pick<Row<'tasks'>, 'id' | 'pipeline'>,
  commit?: string,
): Promise<Row<'submissions'> | undefined> {
  if (commit === undefined) return latestSubmission(db, { pipeline: task.pipeline, task: task.id });
  return db
    .selectFrom('submissions')
    .selectAll()
    .where('commit_id', '=', commit)
    .where(task.pipeline === null ? 'task' : 'pipeline', '=', task.pipeline ?? task.id)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
}

/** The newest checkpoint of a name in a pipeline, or on a single task. */
export const latestCheckpoint = (db: Db, of: { pipeline: number | null; task: number }, checkpoint: string) =>
  db
    .selectFrom('checkpoints')
    .selectAll()
    .where('name', '=', checkpoint)
    .where(of.pipeline === null ? 'task' : 'pipeline', '=', of.pipeline ?? of.task)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();

export const insertCheckpoint = (
  tx: Tx,
  row: Pick<
    Row<'checkpoints'>,
    | 'name'
    | 'title'
    | 'artifact'
    | 'digest'
    | 'pipeline'
    | 'task'
    | 'requested_by'
    | 'requested_at'
    | 'expires_at'
    | 'nonce'
  >,
) =>
  tx
    .insertInto('checkpoints')
    .values({ ...row, state: 'open', human: null, assurance: null, signature: null, decided_at: null })
    .returningAll()
    .executeTakeFirstOrThrow();

export const endCheckpoint = (tx: Tx, id: number, state: 'void' | 'expired') =>
  tx.updateTable('checkpoints').set({ state }).where('id', '=', id).where('state', '=', 'open').execute();

/** One checkpoint by id, or those of a task's pipeline (of the task, if it is single), newest first. */
export const checkpointsOf = (db: Db, of: { pipeline: number | null; task: number }) =>
  db
    .selectFrom('checkpoints')
    .selectAll()
    .where(of.pipeline === null ? 'task' : 'pipeline', '=', of.pipeline ?? of.task)
    .orderBy('id', 'desc')
    .limit(20)
    .execute();

export const findCheckpoint = (db: Db, id: number) =>
  db.selectFrom('checkpoints').selectAll().where('id', '=', id).executeTakeFirst();
