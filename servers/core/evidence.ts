import { attest, GATE_PREDICATE } from './attestation.ts';
import type { Factory } from './factory/definition.ts';
import { type Gate, gateDefinition, isContained } from './gates.ts';
import type { Outcome } from './outcome.ts';
import type { Services } from './services.ts';
import { canonicalJson, sha256Hex } from './signing/canonical.ts';

const MAX_LOG = 60_000;

/** What a server states about one gate on one commit: the predicate that is signed. */
export interface GateEvidence {
  gate: Gate;
  commit: string;
  tree: string;
  /** Digest of the gate's definition in the factory. */
  definition: string;
  closed: boolean;
  exit: number | null;
  logDigest: string;
  isolation: string;
  engine: string;
  dependencies: string | null;
}

/** Evidence with its log and digest: SHA-256 over the canonical JSON of the evidence. */
export interface GateResult extends GateEvidence {
  why: string;
  log: string;
  digest: string;
  ms: number;
}

interface Judged {
  gate: Gate;
  commit: string;
  tree: string;
  factory: Pick<Factory, 'gates' | 'isolation'>;
  /** How long it took. */
  ms: number;
}

/** Turns what a gate found into evidence. Less isolation than the factory asks for doesn't close a gate. */
export function resultOf({ gate, commit, tree, factory, ms }: Judged, outcome: Outcome): GateResult {
  const { exit, isolation, engine, dependencies } = outcome;
  const contained = isContained(isolation, factory.isolation);
  const why =
    outcome.passed && !contained
      ? `it ran with isolation ${isolation}, and the factory asks for ${factory.isolation}`
      : outcome.why;
  const log = shortened(`${why}\n\n${outcome.log}`);
  const evidence: GateEvidence = {
    gate,
    commit,
    tree,
    definition: gateDefinition(factory, gate),
    closed: outcome.passed && contained,
    exit,
    logDigest: sha256Hex(log),
    isolation,
    engine,
    dependencies,
  };
  return { ...evidence, why, log, digest: sha256Hex(canonicalJson({ ...evidence })), ms };
}

/** The same, signed and kept beside the commit; its row enters the store after that, with `insertGateResult`. */
export async function signedResult(
  services: Pick<Services, 'paths' | 'key' | 'clock'>,
  of: Judged,
  outcome: Outcome,
): Promise<GateResult> {
  const result = resultOf(of, outcome);
  const { commit, tree } = of;
  await attest(services, {
    subject: { commit, tree },
    predicateType: GATE_PREDICATE,
    predicate: evidenceOf(result),
  });
  return result;
}

/** What the evidence's digest and its signed statement cover. */
export function evidenceOf(result: GateResult): GateEvidence {
  const { why: _why, log: _log, digest: _digest, ms: _ms, ...evidence } = result;
  return evidence;
}

/** The beginning says what was judged, the end holds the summary. */
function shortened(log: string): string {
  if (log.length <= MAX_LOG) return log.toWellFormed();
  return `${log.slice(0, MAX_LOG / 4)}\n[...]\n${log.slice(-(MAX_LOG * 3) / 4)}`.toWellFormed();
}
