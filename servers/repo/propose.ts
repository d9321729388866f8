import { ToolError } from '../core/errors.ts';
import type { Factory } from '../core/factory/definition.ts';
import { headOfMain } from '../core/git/authority.ts';
import { candidate, type Landing } from '../core/git/candidate.ts';
import type { Change } from '../core/git/changes.ts';
import type { Repo } from '../core/git/git.ts';
import { type Kept, keepCandidate } from './landing.ts';
import { mergeConflict } from './refusals.ts';
import { type Author, checkProposal } from './rules.ts';

/** One commit on mainline's head that holds all of a branch; what gates, review and QA judge. */
export interface Proposed extends Kept {
  changed: Change[];
}

export interface Branch {
  tip: string;
  landing: Landing;
  author: Author;
  start?: string | undefined;
}

/**
 * Builds the candidate of a branch that was taken in, held against the path rules, and keeps it. Mainline does
 * not move. Throws `CONFLICT` (`change.conflict`), `INVALID_INPUT` (`change.empty`) and as `checkProposal`.
 */
export async function propose(bare: Repo, factory: Factory, branch: Branch): Promise<Proposed> {
  const main = await headOfMain(bare);
  const built = await candidate(bare, main, branch.tip, branch.landing);
  if (built.kind === 'conflict') {
    throw mergeConflict(
      built.paths,
      'In the workspace: `git pull --no-rebase factory main`, resolve, commit, call change_submit with the new commit.',
    );
  }
  if (built.kind === 'empty') {
    throw new ToolError(
      'INVALID_INPUT',
      'The commit changes nothing on mainline.',
      'Commit your work in the workspace, then call change_submit with that commit.',
      { rule: 'change.empty' },
    );
  }
  const { tip, author, start } = branch;
  const changed = await checkProposal(bare, factory, author, { main, tip, commit: built.commit, start });
  return { ...(await keepCandidate(bare, built, main, changed)), changed };
}
