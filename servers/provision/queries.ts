import type { Row } from '../core/store/schema.ts';
import type { Db, Tx } from '../core/store/store.ts';
import type { Progress } from './plan.ts';

export const insertPlan = (tx: Tx, plan: Omit<Row<'plans'>, 'id' | 'state' | 'result'>) =>
  tx
    .insertInto('plans')
    .values({ ...plan, state: 'proposed', result: null })
    .returning('id')
    .executeTakeFirstOrThrow();

export const findPlan = (db: Db, id: number) =>
  db.selectFrom('plans').selectAll().where('id', '=', id).executeTakeFirst();

/** The newest plan of a pipeline. */
export const planOfPipeline = (db: Db, pipeline: number | null) =>
  db
    .selectFrom('plans')
    .selectAll()
    .where('pipeline', pipeline === null ? 'is' : '=', pipeline)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();

/** The newest plans, oldest of them first. */
export async function latestPlans(db: Db, limit: number): Promise<Row<'plans'>[]> {
  const rows = await db.selectFrom('plans').selectAll().orderBy('id', 'desc').limit(limit).execute();
  return rows.reverse();
}

export const appliedPlans = (db: Db, product: string, target: string) =>
  db
    .selectFrom('plans')
    .selectAll()
    .where('product', '=', product)
    .where('target', '=', target)
    .where('state', '=', 'applied')
    .execute();

/** Decides a proposed plan; false when it was decided meanwhile. */
export async function decidePlan(tx: Tx, id: number, state: 'approved' | 'rejected'): Promise<boolean> {
  const row = await tx
    .updateTable('plans')
    .set({ state })
    .where('id', '=', id)
    .where('state', '=', 'proposed')
    .returning('id')
    .executeTakeFirst();
  return row !== undefined;
}

export const insertReview = (tx: Tx, review: Omit<Row<'reviews'>, 'id' | 'model'>) =>
  tx.insertInto('reviews').values(review).execute();

/** Keeps how far an approved plan was applied. */
export const saveProgress = (tx: Tx, id: number, progress: Progress, state: 'approved' | 'applied') =>
  tx
    .updateTable('plans')
    .set({ result: JSON.stringify(progress), state })
    .where('id', '=', id)
    .where('state', '=', 'approved')
    .execute();

export const insertArtifact = (tx: Tx, artifact: Omit<Row<'artifacts'>, 'id'>) =>
  tx.insertInto('artifacts').values(artifact).returning('id').executeTakeFirstOrThrow();

export const insertCheckpoint = (tx: Tx, checkpoint: Omit<Row<'checkpoints'>, 'id'>) =>
  tx.insertInto('checkpoints').values(checkpoint).returning('id').executeTakeFirstOrThrow();

/** The newest checkpoint of this name over exactly this document, in a pipeline or outside every one. */
export const deletionCheckpoint = (db: Db, pipeline: number | null, name: string, digest: string) =>
  db
    .selectFrom('checkpoints')
    .select(['id', 'state'])
    .where('pipeline', pipeline === null ? 'is' : '=', pipeline)
    .where('name', '=', name)
    .where('digest', '=', digest)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();

export const saveApproval = (tx: Tx, id: number) =>
  tx.updateTable('plans').set({ state: 'approved' }).where('id', '=', id).execute();

/** The newest plan of a product that waits to be applied, if nothing was applied after it. */
export async function approvedPlan(db: Db, product: string, target: string) {
  const newest = await db
    .selectFrom('plans')
    .selectAll()
    .where('product', '=', product)
    .where('target', '=', target)
    .where('state', 'in', ['approved', 'applied'])
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
  return newest?.state === 'approved' ? newest : undefined;
}

/** The last applied plan of each product at each target. */
export async function latestApplied(db: Db): Promise<Row<'plans'>[]> {
  const newest = db
    .selectFrom('plans')
    .select((eb) => eb.fn.max('id').as('id'))
    .where('state', '=', 'applied')
    .groupBy(['product', 'target']);
  return db.selectFrom('plans').selectAll().where('id', 'in', newest).orderBy('id').execute();
}
