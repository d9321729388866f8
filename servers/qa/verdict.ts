import { type ConditionState, gateStates } from '../core/conditions.ts';
import type { Factory } from '../core/factory/definition.ts';
import { resultInForce } from '../core/gate_results.ts';
import { canonicalJson, sha256Hex } from '../core/signing/canonical.ts';
import type { Row } from '../core/store/schema.ts';
import type { Db } from '../core/store/store.ts';
import { criteriaOf, type JudgedCriterion, judgeCriteria, type Ran } from './criteria.ts';
import { type Report, readReport } from './report.ts';
import { readSuiteLog } from './suite_evidence.ts';

/** What a verdict rests on: per gate whether it is closed and the digest of its newest evidence; per criterion its checks. */
export interface VerdictEvidence {
  commit: string;
  tree: string;
  verdict: 'PASS' | 'FAIL';
  gates: { gate: string; closed: boolean; evidence: string | null }[];
  criteria: JudgedCriterion[];
  /** Why the caller fails it whatever was computed; null when they do not. */
  failed_by_role: string | null;
}

export interface Judgement {
  evidence: VerdictEvidence;
  /** One sentence for each gate, criterion or judgement that keeps it from PASS. */
  reasons: string[];
  ran: Ran;
  /** SHA-256 over the evidence's canonical JSON. */
  digest: string;
}

/**
 * Computes the verdict on one commit from evidence: PASS when the suite, the probe and every machine gate that a
 * merge needs are closed on exactly this commit, under the definitions in force and with enough isolation, and each
 * criterion of the submitting task is tied to checks that ran on it and passed. Without evidence it is FAIL. What the
 * caller adds can only make it FAIL.
 */
export async function judge(
  db: Db,
  factory: Factory,
  submission: Pick<Row<'submissions'>, 'commit_id' | 'tree_id' | 'task'>,
  said: { criteria: readonly (readonly string[])[]; fail?: string | undefined },
): Promise<Judgement> {
  const { commit_id: commit, tree_id: tree } = submission;
  const states = await gateStates(db, factory, commit);
  const ran = await ranOn(db, factory, commit, states);
  const criteria = judgeCriteria(await criteriaOf(db, submission), said.criteria, ran);
  const reasons = [
    ...(said.fail === undefined ? [] : [`QA: ${said.fail}`]),
    ...states.filter(({ state }) => state !== 'closed').map(({ name, why }) => `${name}: ${why}`),
    ...criteria.flatMap(({ criterion, fault }, index) =>
      fault === null ? [] : [`criterion ${index + 1} "${criterion.slice(0, 120)}" ${fault}`],
    ),
  ].map((reason) => reason.slice(0, 500));
  const evidence: VerdictEvidence = {
    commit,
    tree,
    verdict: reasons.length === 0 ? 'PASS' : 'FAIL',
    gates: states.map(({ name, state, evidence }) => ({
      gate: name,
      closed: state === 'closed',
      evidence: evidence ?? null,
    })),
    criteria,
    failed_by_role: said.fail ?? null,
  };
  return { evidence, reasons, ran, digest: sha256Hex(canonicalJson({ ...evidence })) };
}

/** What the newest evidence in force says of single checks. */
async function ranOn(db: Db, factory: Factory, commit: string, gates: ConditionState[]): Promise<Ran> {
  const [suite, probe] = await Promise.all([
    resultInForce(db, factory, 'qa.suite', commit),
    resultInForce(db, factory, 'qa.probe', commit),
  ]);
  return {
    suite: suite && suite.fault === undefined ? readSuiteLog(suite.log) : undefined,
    probe: probe && probe.fault === undefined ? probeOf(probe.log) : undefined,
    gates,
  };
}

const probeOf = (log: string): Report | undefined => readReport(log.slice(log.indexOf('\n\n') + 2));
