import { sha256Hex } from '../core/signing/canonical.ts';
import type { Row } from '../core/store/schema.ts';
import type { Db, Tx } from '../core/store/store.ts';
import type { QaResult } from './evidence.ts';

export const insertGateResult = (tx: Tx, result: QaResult, job: number, now: number) =>
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

/** Who a document is left for, and by whom: the holding of a task. */
export type Holding = Pick<Row<'artifacts'>, 'pipeline' | 'session' | 'agent' | 'root'> & {
  task: number;
  fence: number;
};

/** Attaches a JSON document to a task. */
export const insertReport = (
  tx: Tx,
  document: { name: string; body: string },
  holding: Holding,
  now: number,
) =>
  tx
    .insertInto('artifacts')
    .values({
      ...document,
      ...holding,
      media: 'application/json',
      digest: sha256Hex(document.body),
      size: Buffer.byteLength(document.body),
      created_at: now,
    })
    .execute();

/** Whether this agent, or another connection of its root session, submitted any part of the change. */
export async function isAuthor(
  db: Db,
  submission: Pick<Row<'submissions'>, 'task' | 'pipeline'>,
  { agent, root }: { agent: string; root: string },
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

export const insertVerdict = (tx: Tx, verdict: Omit<Row<'verdicts'>, 'id'>) =>
  tx.insertInto('verdicts').values(verdict).execute();
