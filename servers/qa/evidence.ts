import { attest, GATE_PREDICATE } from '../core/attestation.ts';
import { ToolError } from '../core/errors.ts';
import type { Factory } from '../core/factory/definition.ts';
import { openAuthority } from '../core/git/authority.ts';
import { treeOf } from '../core/git/objects.ts';
import { type QaGate, qaDefinition } from '../core/qa_gates.ts';
import { type Isolation, type SandboxResult, SandboxUnavailable } from '../core/sandbox/sandbox.ts';
import type { Services } from '../core/services.ts';
import { canonicalJson, sha256Hex } from '../core/signing/canonical.ts';

const MAX_LOG = 60_000;
const RANK = { none: 0, partial: 1, full: 2 };

/** What a gate of QA found. `why` is the server's own sentence; `log` may quote the project and is data. */
export interface Outcome {
  readonly passed: boolean;
  readonly why: string;
  readonly log: string;
  readonly exit: number | null;
  readonly isolation: Isolation;
  readonly engine: string;
  /** Digest of the dependency layer that was mounted. */
  readonly dependencies: string | null;
}

/** The predicate that is signed; the same form as a machine gate's. */
interface Evidence {
  gate: QaGate;
  commit: string;
  tree: string;
  definition: string;
  closed: boolean;
  exit: number | null;
  logDigest: string;
  isolation: string;
  engine: string;
  dependencies: string | null;
}

/** Evidence with its log and digest: SHA-256 over the evidence's canonical JSON. */
export interface QaResult extends Evidence {
  why: string;
  log: string;
  digest: string;
  ms: number;
}

/** The outcome of a run that could not begin. */
export const nothingRan = (why: string, log = ''): Outcome => ({
  passed: false,
  why,
  log,
  exit: null,
  isolation: 'none',
  engine: 'nothing ran',
  dependencies: null,
});

/** Turns what can't run, be installed or be built into an outcome; anything else that throws is a defect. */
export function unmet(error: unknown): Outcome {
  const rules = ['dependencies.install', 'release.build', 'release.config'];
  const known =
    error instanceof SandboxUnavailable || (error instanceof ToolError && rules.includes(error.rule ?? ''));
  if (!known) throw error;
  return nothingRan(error.message, error.cause instanceof Error ? error.cause.message : '');
}

/** Turns an outcome into evidence, signs it and keeps it beside the commit. Too little isolation closes nothing. */
export async function evidenceFor(
  services: Services,
  of: { gate: QaGate; commit: string; factory: Factory; ms: number },
  outcome: Outcome,
): Promise<QaResult> {
  const { gate, commit, factory, ms } = of;
  const tree = await treeOf(await openAuthority(services.paths.home), commit);
  const { exit, isolation, engine, dependencies } = outcome;
  const contained = RANK[isolation] >= RANK[factory.isolation];
  const why =
    outcome.passed && !contained
      ? `it ran with isolation ${isolation}, and the factory asks for ${factory.isolation}`
      : outcome.why;
  const log = shortened(`${why}\n\n${outcome.log}`);
  const evidence: Evidence = {
    gate,
    commit,
    tree,
    definition: qaDefinition(factory, gate),
    closed: outcome.passed && contained,
    exit,
    logDigest: sha256Hex(log),
    isolation,
    engine,
    dependencies,
  };
  await attest(services, {
    subject: { commit, tree },
    predicateType: GATE_PREDICATE,
    predicate: { ...evidence },
  });
  return { ...evidence, why, log, digest: sha256Hex(canonicalJson({ ...evidence })), ms };
}

/** What a contained command printed, without terminal sequences and characters that no store keeps. */
export const printed = ({ stdout, stderr }: Pick<SandboxResult, 'stdout' | 'stderr'>): string =>
  `${stdout}\n${stderr}`
    .replace(/\u001b\[[0-9;?]*[A-Za-z]/g, '')
    .replaceAll('\0', '')
    .toWellFormed()
    .trim();

/** How a contained command ended, for a sentence. */
export const endOf = ({ exit, killedBy }: Pick<SandboxResult, 'exit' | 'killedBy'>): string =>
  killedBy === null ? `exit code ${exit}` : `ended by the limit on ${killedBy}`;

/** The beginning says what was judged, the end holds the summary. */
function shortened(log: string): string {
  if (log.length <= MAX_LOG) return log.toWellFormed();
  return `${log.slice(0, MAX_LOG / 4)}\n[...]\n${log.slice(-(MAX_LOG * 3) / 4)}`.toWellFormed();
}
