import * as z from 'zod';
import { attest, VERDICT_PREDICATE } from '../../core/attestation.ts';
import { isAuthor } from '../../core/authors.ts';
import { ToolError } from '../../core/errors.ts';
import { artifactId } from '../../core/ids.ts';
import { canonicalJson } from '../../core/signing/canonical.ts';
import { defineTool } from '../../core/tool.ts';
import { insertReport, insertVerdict } from '../queries.ts';
import { submittedChange } from '../submitted.ts';
import { judge } from '../verdict.ts';
import { verdictReport } from '../verdict_report.ts';

const checksOfOne = z.array(z.string().min(1).max(600)).max(20);

export default defineTool({
  name: 'qa_verdict',
  needs: 'qa:verdict',
  effect: 'write',
  outside: true,
  description:
    'Compute PASS or FAIL for the submitted change. Criteria: for each, in order, the checks that show it: test id, "probe:KIND", "gate:NAME".',
  input: z.strictObject({
    criteria: z.array(checksOfOne).max(100).default([]),
    fail: z.string().min(1).max(1_000).optional(),
  }),
  output: z.object({
    verdict: z.enum(['PASS', 'FAIL']),
    reasons: z.array(z.string()),
    digest: z.string(),
    commit: z.string(),
    report: z.string(),
  }),

  async handler({ criteria, fail }, call) {
    const { session, services, factory } = call;
    const { submission } = await submittedChange(call, call.db);
    if (await isAuthor(call.db, submission, session)) throw ownWork();
    const { commit_id: commit, tree_id: tree } = submission;
    const judgement = await judge(call.db, factory, submission, { criteria, fail });
    const { evidence, reasons, digest } = judgement;
    const predicate = JSON.parse(canonicalJson({ ...evidence }));
    await attest(services, { subject: { commit, tree }, predicateType: VERDICT_PREDICATE, predicate });
    const report = await call.transaction(async (tx) => {
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
      const { id: holder, agent, root } = session;
      const document = { name: 'verdict-report', media: 'text/markdown', body: verdictReport(judgement) };
      const { id, pipeline, fence } = task;
      return insertReport(
        tx,
        document,
        { task: id, pipeline, fence, session: holder, agent, root },
        call.now,
      );
    });
    return { verdict: evidence.verdict, reasons, digest, commit, report: artifactId(report.id) };
  },
});

const ownWork = () =>
  new ToolError(
    'FORBIDDEN',
    'The change is your own work, in agent or in root session: nobody has that judged.',
    'Leave it to an agent of another root session; task_return gives your task to one.',
    { rule: 'verdict.self' },
  );
