import * as z from 'zod';
import { takeIn } from '../../core/git/intake.ts';
import { heldTask } from '../../core/held.ts';
import { submissionId, taskId } from '../../core/ids.ts';
import { defineTool } from '../../core/tool.ts';
import { stillHeld } from '../held.ts';
import { landingOf } from '../landing.ts';
import { fileList, ownEvidence } from '../listing.ts';
import { openMainline } from '../mainline.ts';
import { propose } from '../propose.ts';
import { insertSubmission } from '../queries.ts';
import { refusing } from '../refusals.ts';
import { refreshMainline, startOf, workspaceOf } from '../workspace.ts';

export default defineTool({
  name: 'change_submit',
  needs: 'change:submit',
  effect: 'write',
  outside: true,
  description:
    'Hand in one commit of your workspace as the change of your task. Gates, review and QA judge it squashed onto mainline. Then gate_run.',
  input: z.strictObject({
    commit: z.string().max(100).describe('Full id, as `git rev-parse HEAD` prints it.'),
    summary: z.string().trim().min(3).max(4000).describe('The commit message: what and why.'),
  }),
  output: z.object({
    submission: z.string(),
    commit: z.string(),
    tree: z.string(),
    base: z.string(),
    files: z.array(z.string()),
    own_evidence: z.array(z.string()).describe('What it changes about its own tests, scripts, lockfile, CI.'),
  }),

  async handler({ commit: tip, summary }, call) {
    const { session, factory, services } = call;
    const task = await heldTask(call);
    const bare = await openMainline(services);
    const { changed, ...proposed } = await refusing(async () => {
      const clone = workspaceOf(services.paths, task);
      const owner = services.runsAs.get(session.id);
      const ref = `refs/tasks/${task.id}/${task.fence}/${tip}`;
      await refreshMainline(bare, services.paths, task, owner);
      await takeIn(bare, { clone, commit: tip, ref, ...(owner && { owner }) });
      return propose(bare, factory, {
        tip,
        landing: landingOf(session.agent, summary, `Task: ${taskId(task.id)}`, call.now),
        author: { writes: factory.roles[session.role]?.writes ?? [], allowProtected: false },
        start: await startOf(bare, task),
      });
    });
    const id = await call.transaction(async (tx) => {
      const { fence } = await stillHeld(call, tx);
      return insertSubmission(tx, {
        ...proposed,
        task: task.id,
        pipeline: task.pipeline,
        fence,
        agent: session.agent,
        root: session.root,
        session: session.id,
        created_at: call.now,
      });
    });
    return {
      submission: submissionId(id),
      commit: proposed.commit_id,
      tree: proposed.tree_id,
      base: proposed.base_commit,
      files: fileList(changed),
      own_evidence: ownEvidence(changed),
    };
  },
});
