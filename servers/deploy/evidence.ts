import { type Attested, attestedOf, GATE_PREDICATE, VERDICT_PREDICATE } from '../core/attestation.ts';
import { type ConditionState, gateStates, qaState, reviewState } from '../core/conditions.ts';
import type { Factory } from '../core/factory/definition.ts';
import type { Services } from '../core/services.ts';
import type { Row } from '../core/store/schema.ts';
import type { Db } from '../core/store/store.ts';

/**
 * What keeps a commit from being released: gates that are not closed in the store, and newest results of which the
 * factory's key signed no statement at `refs/attest/<commit>`. A statement that the store has newer evidence against
 * counts for nothing. Empty when all evidence holds.
 */
export async function evidenceFaults(
  services: Pick<Services, 'paths' | 'key'>,
  db: Db,
  factory: Factory,
  submission: Row<'submissions'>,
): Promise<string[]> {
  const commit = submission.commit_id;
  const attested = await attestedOf(services, commit);
  const gates = await gateStates(db, factory, commit);
  const review = factory.merge.needs.includes('review')
    ? [await reviewState(db, submission, factory.review)]
    : [];
  return [
    ...gates.flatMap((state) => faultOf(state, attested, GATE_PREDICATE)),
    ...faultOf(await qaState(db, commit), attested, VERDICT_PREDICATE),
    ...review.flatMap((state) => (state.state === 'closed' ? [] : [`review: ${state.why}`])),
  ];
}

function faultOf({ name, state, why, evidence }: ConditionState, attested: Attested, type: string): string[] {
  if (state !== 'closed') return [`${name}: ${why}`];
  if (evidence !== undefined && attested.has(type, evidence)) return [];
  return [`${name}: no valid signed statement about its newest result`];
}
