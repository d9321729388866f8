import { hasWorkIn } from '../core/authors.ts';
import { type ConditionState, machineGateState, qaState, reviewState } from '../core/conditions.ts';
import { ToolError } from '../core/errors.ts';
import type { Factory } from '../core/factory/definition.ts';
import { isMachineGate } from '../core/gates.ts';
import type { Session } from '../core/identity.ts';
import { submissionId } from '../core/ids.ts';
import type { Row } from '../core/store/schema.ts';
import type { Db } from '../core/store/store.ts';

/** Nobody merges a change that holds work of their own, by agent or by root session: `FORBIDDEN`, `merge.self`. */
export async function refuseOwnMerge(
  db: Db,
  session: Pick<Session, 'agent' | 'root'>,
  submission: Row<'submissions'>,
): Promise<void> {
  if (!(await hasWorkIn(db, submission, session))) return;
  throw new ToolError(
    'FORBIDDEN',
    `${submissionId(submission.id)} holds your own work; somebody else has it merged.`,
    'Hand your task in with task_complete, or give it back with task_return.',
    { rule: 'merge.self' },
  );
}

/** What `merge.needs` names and this exact commit does not show. */
export async function openNeeds(
  db: Db,
  factory: Factory,
  submission: Row<'submissions'>,
): Promise<ConditionState[]> {
  const states = await Promise.all(
    factory.merge.needs.map((need) => {
      if (isMachineGate(need)) return machineGateState(db, factory, need, submission.commit_id);
      return need === 'review'
        ? reviewState(db, submission, factory.review)
        : qaState(db, submission.commit_id);
    }),
  );
  return states.filter(({ state }) => state !== 'closed');
}
