import { latestRelease } from '../servers/core/conditions.ts';
import type { Db } from '../servers/core/store/store.ts';

export const pipelineRow = (db: Db, id: number) =>
  db.selectFrom('pipelines').selectAll().where('id', '=', id).executeTakeFirst();

export const pipelineTaskRows = (db: Db, id: number) =>
  db.selectFrom('tasks').selectAll().where('pipeline', '=', id).orderBy('id').execute();

/** The fence that each task of a pipeline was last held under. */
export const fencesOf = (db: Db, pipeline: number) =>
  db
    .selectFrom('leases')
    .innerJoin('tasks', 'tasks.id', 'leases.subject')
    .select(['leases.subject', 'leases.fence'])
    .where('leases.kind', '=', 'task')
    .where('tasks.pipeline', '=', pipeline)
    .execute();

/** The isolation that the newest evidence of each gate had on a commit. */
export async function isolationsOf(
  db: Db,
  commit: string,
  gates: readonly string[],
): Promise<Map<string, string>> {
  const rows = await db
    .selectFrom('gate_results')
    .select(['gate', 'isolation'])
    .where('commit_id', '=', commit)
    .where('gate', 'in', gates)
    .orderBy('id')
    .execute();
  return new Map(rows.map(({ gate, isolation }) => [gate, isolation]));
}

/** What the human decided in a pipeline, oldest first. */
export async function pipelineCheckpoints(db: Db, pipeline: number) {
  const rows = await db
    .selectFrom('checkpoints')
    .select(['name', 'state', 'assurance', 'digest'])
    .where('pipeline', '=', pipeline)
    .where('state', 'in', ['approved', 'rejected'])
    .orderBy('id')
    .execute();
  return rows.map(({ name, state, assurance, digest }) => ({
    name,
    decision: state,
    assurance: assurance ?? '',
    digest,
  }));
}

export async function releaseOf(db: Db, pipeline: number) {
  const row = await latestRelease(db, pipeline);
  return (
    row && {
      url: row.url ?? '',
      version: row.version,
      commit: row.commit_id,
      verified: row.state === 'verified',
    }
  );
}
