import { latestSubmission } from '../core/conditions.ts';
import type { Step } from '../core/factory/pipeline.ts';
import { stepOf } from '../core/factory/steps.ts';
import type { HeldTask } from '../core/held.ts';
import type { Session } from '../core/identity.ts';
import { sha256Hex } from '../core/signing/canonical.ts';
import type { Row } from '../core/store/schema.ts';
import type { Db, Tx } from '../core/store/store.ts';
import type { GateResult } from './evidence.ts';

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

export const findTask = (db: Db, id: number) =>
  db.selectFrom('tasks').select(['id', 'pipeline']).where('id', '=', id).executeTakeFirst();

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

export const insertReview = (tx: Tx, review: Omit<Row<'reviews'>, 'id'>) =>
  tx.insertInto('reviews').values(review).returning('id').executeTakeFirstOrThrow();

/** Whether this agent, or another connection of its root session, submitted any part of the change. */
export async function isAuthor(
  db: Db,
  submission: Pick<Row<'submissions'>, 'task' | 'pipeline'>,
  { agent, root }: Pick<Session, 'agent' | 'root'>,
): Promise<boolean> {
  const own = await db
    .selectFrom('submissions')
    .select('id')
    .where((eb) => eb.or([eb('agent', '=', agent), eb('root', '=', root)]))
    .where(submission.pipeline === null ? 'task' : 'pipeline', '=', submission.pipeline ?? submission.task)
    .limit(1)
    .executeTakeFirst();
  return own !== undefined;
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

/** The job that is already going to do exactly this, if any. */
export const openJob = (db: Db, kind: string, input: string) =>
  db
    .selectFrom('jobs')
    .select('id')
    .where('kind', '=', kind)
    .where('input', '=', input)
    .where('state', 'in', ['queued', 'running'])
    .limit(1)
    .executeTakeFirst();

export const insertGateResult = (tx: Tx, result: GateResult, job: number, now: number) =>
  tx
    .insertInto('gate_results')
    .values({
      gate: result.gate,
      commit_id: result.commit,
      tree_id: result.tree,
      definition: result.definition,
      closed: result.closed ? 1 : 0,
      isolation: result.isolation,
      engine: result.engine,
      exit: result.exit,
      log_digest: result.logDigest,
      log: result.log,
      ms: result.ms,
      digest: result.digest,
      job,
      created_at: now,
    })
    .execute();

/** The newest evidence of one gate on one commit. */
export const latestEvidence = (db: Db, commit: string, gate: string) =>
  db
    .selectFrom('gate_results')
    .select(['isolation', 'engine', 'log', 'exit'])
    .where('commit_id', '=', commit)
    .where('gate', '=', gate)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();

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
