import type { ConditionState } from './conditions.ts';
import type { Factory } from './factory/definition.ts';
import { canonicalJson, sha256Hex } from './signing/canonical.ts';
import type { Db } from './store/store.ts';

/** What QA has a server run on a commit: the product's own suite, and the probe against the running product. */
export const QA_GATES = ['qa.suite', 'qa.probe'] as const;
export type QaGate = (typeof QA_GATES)[number];

/** Bounds of one probe: requests, and milliseconds. */
export const PROBE_BUDGET = { requests: 1_500, ms: 20_000 };

const RANK = { none: 0, partial: 1, full: 2 } as const;

/** Binds evidence to what was asked: what ran under another definition is open again. */
export function qaDefinition(factory: Pick<Factory, 'gates' | 'isolation'>, gate: QaGate): string {
  const definition = gate === 'qa.suite' ? { ...factory.gates.smoke } : { budget: PROBE_BUDGET };
  return sha256Hex(canonicalJson({ gate, definition, isolation: factory.isolation }));
}

/** One gate of QA on one commit, by the newest evidence for the definition in force. */
export async function qaGateState(
  db: Db,
  factory: Pick<Factory, 'gates' | 'isolation'>,
  gate: QaGate,
  commit: string,
): Promise<ConditionState> {
  const row = await db
    .selectFrom('gate_results')
    .select(['definition', 'isolation', 'closed', 'log', 'digest'])
    .where('commit_id', '=', commit)
    .where('gate', '=', gate)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (!row) return { name: gate, state: 'open', why: 'it has not run on this commit' };
  const evidence = row.digest;
  const open = (why: string): ConditionState => ({ name: gate, state: 'open', why, evidence });
  if (row.definition !== qaDefinition(factory, gate)) return open('it ran under an older definition');
  if (RANK[row.isolation as keyof typeof RANK] < RANK[factory.isolation])
    return open(`it ran with isolation ${row.isolation}`);
  const [why = ''] = row.log.split('\n', 1);
  return row.closed === 1 ? { name: gate, state: 'closed', why, evidence } : open(why);
}
