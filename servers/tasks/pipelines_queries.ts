import type { Row } from '../core/store/schema.ts';
import type { Db, Tx } from '../core/store/store.ts';

export const insertPipeline = (
  tx: Tx,
  run: { name: string; request: string; definition: string; createdBy: string; now: number },
) =>
  tx
    .insertInto('pipelines')
    .values({
      name: run.name,
      request: run.request,
      definition: run.definition,
      state: 'running',
      created_by: run.createdBy,
      created_at: run.now,
      finished_at: null,
    })
    .returningAll()
    .executeTakeFirstOrThrow();

export const pipelineTasks = (db: Db, pipeline: number) =>
  db.selectFrom('tasks').selectAll().where('pipeline', '=', pipeline).orderBy('id').execute();

export const findPipeline = (db: Db, id: number) =>
  db.selectFrom('pipelines').selectAll().where('id', '=', id).executeTakeFirst();

export const endPipeline = (tx: Tx, id: number, state: Row<'pipelines'>['state'], now: number) =>
  tx.updateTable('pipelines').set({ state, finished_at: now }).where('id', '=', id).execute();

/** What an agent last said of an artifact that is not its own, by agent or by root session. */
export const reviewBy = (db: Db, agent: string, artifact: Pick<Row<'artifacts'>, 'id' | 'agent' | 'root'>) =>
  db
    .selectFrom('reviews')
    .select('verdict')
    .where('subject', '=', 'artifact')
    .where('target', '=', artifact.id)
    .where('agent', '=', agent)
    .where('agent', '<>', artifact.agent)
    .where('root', '<>', artifact.root)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();

/** The newest checkpoint of a name in a pipeline. */
export const latestCheckpoint = (db: Db, pipeline: number, name: string) =>
  db
    .selectFrom('checkpoints')
    .select(['state', 'digest', 'expires_at'])
    .where('pipeline', '=', pipeline)
    .where('name', '=', name)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
