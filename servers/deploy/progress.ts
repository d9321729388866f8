import { appendLast } from '../core/record.ts';
import type { Services } from '../core/services.ts';
import { canonicalJson, sha256Hex } from '../core/signing/canonical.ts';
import type { Row } from '../core/store/schema.ts';
import type { Tx } from '../core/store/store.ts';
import type { Finding } from './health/canary.ts';
import type { Hold } from './hold.ts';
import { saveStep } from './queries.ts';
import type { Step } from './steps.ts';

/** What a step of a release showed, as its row keeps it. */
export interface StepCheck {
  step: Step;
  at: number;
  healthy: boolean;
  why: string;
  evidence: Record<string, unknown>;
}

type Recorder = Pick<Services, 'store' | 'clock'>;

/** Who takes a release on: for which session, and under which hold on its product. */
export interface Taker {
  services: Recorder;
  session: string;
  hold: Hold;
}
type Release = Row<'releases'>;

/** The checks that a release has behind it, oldest first. */
export const checksOf = ({ checks }: Pick<Release, 'checks'>): StepCheck[] =>
  checks === null ? [] : (JSON.parse(checks) as StepCheck[]);

/** SHA-256 over the canonical JSON of everything that the steps of a release showed. */
const evidenceOf = (checks: readonly StepCheck[]): string => sha256Hex(canonicalJson(checks));

/** Writes into the record what is about to be done to a product, before it is. Throws NotHeld for who no longer holds it. */
export const recordIntent = ({ services, session, hold }: Taker, release: Release, step: Step) =>
  services.store.transaction(async (tx) => {
    await hold.check(tx);
    const body = { step, version: release.version, fence: hold.fence };
    await note(services, tx, session, release, 'release.intent', body);
  });

/**
 * Keeps what a step showed, together with its entry in the record. Returns false, and changes nothing, when another
 * process has moved the release meanwhile: whoever hears that must stop. Throws NotHeld for who no longer holds it.
 */
export async function keepStep(
  { services, session, hold }: Taker,
  release: Release,
  step: Step,
  finding: Finding,
  change: Parameters<typeof saveStep>[3] = {},
  more?: (tx: Tx) => Promise<void>,
): Promise<boolean> {
  const at = services.clock.now();
  const { healthy, why, evidence } = finding;
  const checks = [...checksOf(release), { step, at, healthy, why, evidence }];
  return services.store.transaction(async (tx) => {
    await hold.check(tx);
    const row = {
      checks: JSON.stringify(checks),
      evidence: evidenceOf(checks),
      ...(healthy && { step }),
      ...change,
    };
    if (!(await saveStep(tx, release.id, release.step, row))) return false;
    await more?.(tx);
    await note(services, tx, session, release, 'release.step', { step, healthy, why, evidence });
    return true;
  });
}

const note = (
  { store, clock }: Recorder,
  tx: Tx,
  session: string,
  { id, product }: Release,
  event: string,
  body: Record<string, unknown>,
) =>
  appendLast(store, tx, {
    at: clock.now(),
    session,
    agent: 'server',
    role: 'server',
    event,
    subject: `release:${id}`,
    body: { product, ...body },
  });
