import type { GateResult } from './evidence.ts';
import type { Factory } from './factory/definition.ts';
import { type Gate, gateDefinition, isContained } from './gates.ts';
import type { Row } from './store/schema.ts';
import type { Db, Tx } from './store/store.ts';

/** Adds the result that a job made; an older one of the same gate on the same commit counts no longer. */
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

type Kept = Pick<Row<'gate_results'>, 'definition' | 'isolation' | 'closed' | 'log' | 'digest'>;

/** The newest result of one gate on one commit, whether or not it counts. */
export const newestResult = (db: Db, commit: string, gate: Gate): Promise<Kept | undefined> =>
  db
    .selectFrom('gate_results')
    .select(['definition', 'isolation', 'closed', 'log', 'digest'])
    .where('commit_id', '=', commit)
    .where('gate', '=', gate)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();

/** The newest result with why it doesn't count under the factory in force, if so; undefined when the gate never ran. */
export async function resultInForce(
  db: Db,
  factory: Pick<Factory, 'gates' | 'isolation'>,
  gate: Gate,
  commit: string,
): Promise<(Kept & { fault?: string }) | undefined> {
  const row = await newestResult(db, commit, gate);
  if (!row) return undefined;
  if (row.definition !== gateDefinition(factory, gate))
    return { ...row, fault: 'ran under an older definition' };
  if (!isContained(row.isolation, factory.isolation))
    return { ...row, fault: `ran with isolation ${row.isolation}` };
  return row;
}
