import { gateDefinition, type MachineGate } from '../core/conditions.ts';
import type { Factory } from '../core/factory/definition.ts';
import { canonicalJson, sha256Hex } from '../core/signing/canonical.ts';
import type { GateOutcome } from './machine/gate.ts';

const MAX_LOG = 60_000;

/** What a server states about one gate on one commit: the predicate that is signed. */
export interface GateEvidence {
  gate: MachineGate;
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

const LEVELS = ['none', 'partial', 'full'];

/** Turns what a gate found into evidence. Less isolation than the factory asks for doesn't close a gate. */
export function resultOf(
  of: { gate: MachineGate; commit: string; tree: string; factory: Factory; ms: number },
  outcome: GateOutcome,
): GateResult {
  const { gate, commit, tree, factory, ms } = of;
  const { exit, isolation, engine, dependencies } = outcome;
  const contained = LEVELS.indexOf(isolation) >= LEVELS.indexOf(factory.isolation);
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
  return { ...evidence, why, log, digest: evidenceDigest(evidence), ms };
}

/** What the evidence's digest and its signed statement cover. */
export function evidenceOf(result: GateResult): GateEvidence {
  const { why: _why, log: _log, digest: _digest, ms: _ms, ...evidence } = result;
  return evidence;
}

const evidenceDigest = (evidence: GateEvidence) => sha256Hex(canonicalJson({ ...evidence }));

/** The beginning says what was judged, the end holds the summary. */
function shortened(log: string): string {
  if (log.length <= MAX_LOG) return log.toWellFormed();
  return `${log.slice(0, MAX_LOG / 4)}\n[...]\n${log.slice(-(MAX_LOG * 3) / 4)}`.toWellFormed();
}
