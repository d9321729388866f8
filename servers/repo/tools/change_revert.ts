import * as z from 'zod';
import { ToolError } from '../../core/errors.ts';
import { advanceMain } from '../../core/git/advance.ts';
import { headOfMain } from '../../core/git/authority.ts';
import { revertCommit } from '../../core/git/candidate.ts';
import { changes, diffDigest } from '../../core/git/changes.ts';
import type { Repo } from '../../core/git/git.ts';
import { isAncestor } from '../../core/git/objects.ts';
import { heldTask } from '../../core/held.ts';
import { submissionId } from '../../core/ids.ts';
import { refuseIfStopped } from '../../core/kill.ts';
import type { Row } from '../../core/store/schema.ts';
import { type Call, defineTool } from '../../core/tool.ts';
import { stillHeld } from '../held.ts';
import { landingOf, messageOf } from '../landing.ts';
import { openMainline } from '../mainline.ts';
import {
  deleteUnmerged,
  insertSubmission,
  markMerged,
  submissionMergedAs,
  unmergedOfTask,
} from '../queries.ts';
import { mergeConflict, refusingOnMainline } from '../refusals.ts';

export default defineTool({
  name: 'change_revert',
  needs: 'change:revert',
  effect: 'destructive',
  outside: true,
  description:
    'Take a merged change back out of mainline; later changes stay. The revert becomes its latest submission: nothing of it is releasable.',
  input: z.strictObject({
    commit: z.string().regex(/^[0-9a-f]{40}$/, 'the full id of the merged commit'),
    why: z.string().trim().min(3).max(2000),
  }),
  output: z.object({ submission: z.string(), reverted: z.string(), mainline: z.string() }),

  async handler({ commit, why }, call) {
    await heldTask(call);
    await refuseIfStopped(call.db, call.session.role);
    const target = await submissionMergedAs(call.db, commit);
    if (!target) {
      throw new ToolError(
        'NOT_FOUND',
        'No change was merged as that commit.',
        'change_diff shows the commit that a change was merged as.',
        {
          rule: 'revert.not-merged',
        },
      );
    }
    const bare = await openMainline(call.services);
    const landed = (await landedBefore(bare, call, target)) ?? (await revert(bare, call, target, why));
    await call.transaction((tx) => markMerged(tx, landed.id, landed.commit_id, call.now));
    return { submission: submissionId(landed.id), reverted: commit, mainline: await headOfMain(bare) };
  },
});

/** A revert that reached mainline before its process ended: its row was written first, as the intent. */
async function landedBefore(bare: Repo, { db }: Call, target: Row<'submissions'>) {
  const head = await headOfMain(bare);
  for (const row of await unmergedOfTask(db, target.task)) {
    if (!(await isAncestor(bare, row.commit_id, head))) continue;
    if ((await messageOf(bare, row.commit_id)).endsWith(trailerOf(target))) return row;
  }
  return undefined;
}

const trailerOf = (target: Row<'submissions'>) => `\n\nReverts: ${target.commit_id}\n`;

async function revert(bare: Repo, call: Call, target: Row<'submissions'>, why: string) {
  const { session } = call;
  const head = await headOfMain(bare);
  const text = `Revert ${submissionId(target.id)}: ${why}`;
  const landing = landingOf(session.agent, text, trailerOf(target).trim(), call.now);
  const built = await refusingOnMainline(() => revertCommit(bare, head, target.commit_id, landing));
  if (built.kind === 'conflict') {
    throw mergeConflict(
      built.paths,
      'Later changes need it: say in task_block which change has to be built instead.',
    );
  }
  if (built.kind === 'empty') {
    throw new ToolError(
      'CONFLICT',
      'Mainline does not hold that change any more.',
      'There is nothing left to revert: say so with task_complete.',
      {
        rule: 'change.empty',
      },
    );
  }
  const row = {
    task: target.task,
    pipeline: target.pipeline,
    fence: session.fence ?? 0,
    commit_id: built.commit,
    tree_id: built.tree,
    base_commit: head,
    diff_digest: diffDigest(await changes(bare, head, built.commit)),
    agent: session.agent,
    root: session.root,
    session: session.id,
    created_at: call.now,
  };
  const id = await call.transaction(async (tx) => {
    await stillHeld(call, tx);
    return insertSubmission(tx, row);
  });
  if (await advanceMain(bare, head, built.commit)) return { id, commit_id: built.commit };
  await call.transaction((tx) => deleteUnmerged(tx, id));
  throw new ToolError('CONFLICT', 'Another change was merged at this moment.', 'Call change_revert again.', {
    rule: 'merge.raced',
  });
}
