import { gateStates } from '../core/conditions.ts';
import type { Factory } from '../core/factory/definition.ts';
import { canonicalJson, sha256Hex } from '../core/signing/canonical.ts';
import type { Db } from '../core/store/store.ts';

/** What a verdict rests on: per gate whether it is closed, and the digest of its newest evidence. */
export interface VerdictEvidence {
  commit: string;
  tree: string;
  verdict: 'PASS' | 'FAIL';
  gates: { gate: string; closed: boolean; evidence: string | null }[];
}

export interface Judgement {
  evidence: VerdictEvidence;
  /** One sentence for each gate that keeps it from PASS. */
  reasons: string[];
  /** SHA-256 over the evidence's canonical JSON. */
  digest: string;
}

/**
 * Computes the verdict on one commit from evidence alone: PASS when the suite, the probe and every machine gate that
 * a merge needs are closed on exactly this commit, under the definitions in force and with enough isolation.
 * Without evidence it is FAIL.
 */
export async function judge(
  db: Db,
  factory: Factory,
  { commit, tree }: { commit: string; tree: string },
): Promise<Judgement> {
  const states = await gateStates(db, factory, commit);
  const gates = states.map(({ name, state, evidence }) => ({
    gate: name,
    closed: state === 'closed',
    evidence: evidence ?? null,
  }));
  const reasons = states
    .filter(({ state }) => state !== 'closed')
    .map(({ name, why }) => `${name}: ${why}`.slice(0, 500));
  const verdict = reasons.length === 0 ? ('PASS' as const) : ('FAIL' as const);
  const evidence = { commit, tree, verdict, gates };
  return { evidence, reasons, digest: sha256Hex(canonicalJson(evidence)) };
}
