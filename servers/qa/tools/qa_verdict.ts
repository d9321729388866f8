import * as z from 'zod';
import { attest, VERDICT_PREDICATE } from '../../core/attestation.ts';
import { isAuthor } from '../../core/authors.ts';
import { ToolError } from '../../core/errors.ts';
import { defineTool } from '../../core/tool.ts';
import { insertVerdict } from '../queries.ts';
import { submittedChange } from '../submitted.ts';
import { judge } from '../verdict.ts';

export default defineTool({
  name: 'qa_verdict',
  needs: 'qa:verdict',
  effect: 'write',
  outside: true,
  description:
    'Have PASS or FAIL computed for the submitted change from the evidence of qa_run, qa_probe and the gates. No evidence is FAIL. It reads no criterion: fail an unmet one with task_complete.',
  input: z.strictObject({}),
  output: z.object({
    verdict: z.enum(['PASS', 'FAIL']),
    reasons: z.array(z.string()),
    digest: z.string(),
    commit: z.string(),
  }),

  async handler(_input, call) {
    const { session, services, factory } = call;
    const { submission } = await submittedChange(call, call.db);
    if (await isAuthor(call.db, submission, session)) throw ownWork();
    const { commit_id: commit, tree_id: tree } = submission;
    const { evidence, reasons, digest } = await judge(call.db, factory, { commit, tree });
    const predicate = { ...evidence, gates: evidence.gates.map((gate) => ({ ...gate })) };
    await attest(services, { subject: { commit, tree }, predicateType: VERDICT_PREDICATE, predicate });
    await call.transaction(async (tx) => {
      const { task } = await submittedChange(call, tx);
      await insertVerdict(tx, {
        commit_id: commit,
        tree_id: tree,
        verdict: evidence.verdict,
        reasons: JSON.stringify(reasons),
        digest,
        task: task.id,
        pipeline: task.pipeline,
        agent: session.agent,
        root: session.root,
        created_at: call.now,
      });
    });
    return { verdict: evidence.verdict, reasons, digest, commit };
  },
});

const ownWork = () =>
  new ToolError(
    'FORBIDDEN',
    'The change is your own work, in agent or in root session: nobody has that judged.',
    'Leave it to an agent of another root session; task_return gives your task to one.',
    { rule: 'verdict.self' },
  );
