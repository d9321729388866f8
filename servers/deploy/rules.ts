import { qaState } from '../core/conditions.ts';
import { ToolError } from '../core/errors.ts';
import type { Factory } from '../core/factory/definition.ts';
import { headOfMain, openAuthority } from '../core/git/authority.ts';
import { isAncestor } from '../core/git/objects.ts';
import { pipelineId, planId } from '../core/ids.ts';
import type { Services } from '../core/services.ts';
import type { Row } from '../core/store/schema.ts';
import type { Db } from '../core/store/store.ts';
import { evidenceFaults } from './evidence.ts';
import { planFor, type Scope, submissionsOf } from './queries.ts';

/** A commit that may go live, and what it goes live on. */
export interface Releasable {
  submission: Row<'submissions'>;
  plan: Row<'plans'>;
}

/**
 * Decides what a pipeline may release. Throws GATE_CLOSED under the first rule that is broken, in this order:
 * `release.no-pass`, `release.changed`, `release.not-merged`, `release.evidence`, `release.no-infra`.
 */
export async function releasable(
  services: Services,
  db: Db,
  factory: Factory,
  scope: Scope,
  wanted: string | undefined,
): Promise<Releasable> {
  const submission = await passedSubmission(db, scope, wanted);
  await refuseUnmerged(services, submission);
  const faults = await evidenceFaults(services, db, factory, submission);
  if (faults.length > 0) {
    throw closed(
      'release.evidence',
      `The evidence of ${short(submission.commit_id)} does not hold: ${faults.slice(0, 5).join('; ')}.`,
      'Have what is open run again on this commit; until then there is no release of it.',
    );
  }
  const plan = await planFor(db, scope.pipeline);
  if (plan?.state === 'applied') return { submission, plan };
  throw closed(
    'release.no-infra',
    plan ? `${planId(plan.id)} is only ${plan.state}.` : 'No infrastructure plan was applied.',
    'Have the plan approved (infra_review) and applied (infra_apply) first.',
  );
}

async function passedSubmission(
  db: Db,
  scope: Scope,
  wanted: string | undefined,
): Promise<Row<'submissions'>> {
  const submissions = await submissionsOf(db, scope);
  const passed = await firstPassed(db, submissions);
  if (!passed) {
    throw closed(
      'release.no-pass',
      `No commit of ${nameOf(scope)} has a PASS of QA.`,
      'Wait with task_wait until QA has judged the change.',
    );
  }
  const asked = wanted ?? submissions[0]?.commit_id;
  if (asked === passed.commit_id) return passed;
  throw closed(
    'release.changed',
    `The PASS is for ${short(passed.commit_id)}, and ${short(asked ?? '')} is another commit.`,
    'Release the commit that passed, or have the other one go through review and QA.',
  );
}

async function firstPassed(
  db: Db,
  submissions: readonly Row<'submissions'>[],
): Promise<Row<'submissions'> | undefined> {
  for (const submission of submissions) {
    if ((await qaState(db, submission.commit_id)).state === 'closed') return submission;
  }
  return undefined;
}

/** The store says that it was merged, and mainline holds exactly this commit. */
async function refuseUnmerged(services: Services, submission: Row<'submissions'>): Promise<void> {
  const { commit_id: commit, merged_commit: merged } = submission;
  if (merged === commit) {
    const authority = await openAuthority(services.paths.home);
    if (await isAncestor(authority, commit, await headOfMain(authority))) return;
  }
  throw closed(
    'release.not-merged',
    `${short(commit)} passed, but it is not on mainline.`,
    'Have it merged first: that is change_merge, by the role that may.',
  );
}

const nameOf = ({ pipeline }: Scope) => (pipeline === null ? 'the task' : pipelineId(pipeline));
const short = (commit: string) => commit.slice(0, 12);
const closed = (rule: string, what: string, remedy: string) =>
  new ToolError('GATE_CLOSED', what, remedy, { rule });
