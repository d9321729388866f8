import * as z from 'zod';
import { ToolError } from '../../core/errors.ts';
import { heldTask } from '../../core/held.ts';
import { artifactId, idInput } from '../../core/ids.ts';
import { defineTool } from '../../core/tool.ts';
import { text } from '../input.ts';
import { findArtifact, insertReview } from '../queries.ts';

export default defineTool({
  name: 'artifact_review',
  needs: 'artifact:review',
  effect: 'write',
  description:
    "Accept or reject another agent's artifact that your task asks you to judge. Read it whole first; then task_complete.",
  input: z.strictObject({
    artifact: idInput('A'),
    verdict: z.enum(['accept', 'reject']),
    reasons: text(4000),
  }),
  output: z.object({ artifact: z.string(), verdict: z.string(), digest: z.string() }),

  async handler({ artifact: id, verdict, reasons }, call) {
    const { tx, session, now } = call;
    const task = await heldTask(call);
    const artifact = await findArtifact(tx, id);
    if (!artifact)
      throw new ToolError(
        'NOT_FOUND',
        `No artifact ${artifactId(id)}.`,
        'Your brief lists them under "inputs".',
      );
    if (artifact.agent === session.agent || artifact.root === session.root) {
      throw new ToolError(
        'FORBIDDEN',
        `${artifactId(id)} is your own work: nobody judges that.`,
        'Leave it to the role that may; task_return gives your task to another agent.',
        { rule: 'review.self' },
      );
    }
    await insertReview(tx, {
      subject: 'artifact',
      target: id,
      digest: artifact.digest,
      verdict,
      body: reasons,
      task: task.id,
      session: session.id,
      agent: session.agent,
      root: session.root,
      created_at: now,
    });
    return { artifact: artifactId(id), verdict, digest: artifact.digest };
  },
});
