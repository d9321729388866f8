import * as z from 'zod';
import { isAuthor } from '../../core/authors.ts';
import { ToolError } from '../../core/errors.ts';
import { heldTask } from '../../core/held.ts';
import { artifactId, idInput, submissionId, taskId } from '../../core/ids.ts';
import type { Row } from '../../core/store/schema.ts';
import { type Call, defineTool } from '../../core/tool.ts';
import { text } from '../input.ts';
import { findTask, insertArtifact, insertReview, submissionOf } from '../queries.ts';

const finding = z.strictObject({
  file: text(300),
  line: z.int().min(1).max(10_000_000).optional(),
  severity: z.enum(['blocker', 'major', 'minor']),
  text: text(2000),
});

export default defineTool({
  name: 'review_submit',
  needs: 'review:submit',
  effect: 'write',
  description:
    "Accept or reject another agent's change: the latest submission of your task's pipeline, or of the task you name. Read it whole with change_diff first.",
  input: z.strictObject({
    verdict: z.enum(['accept', 'reject']),
    diff: z
      .string()
      .regex(/^[0-9a-f]{64}$/, 'the digest that change_diff and gate_status show')
      .describe('Digest of the diff you read.'),
    summary: text(4000),
    findings: z.array(finding).max(50).default([]),
    task: idInput('T').optional(),
  }),
  output: z.object({
    submission: z.string(),
    commit: z.string(),
    verdict: z.string(),
    diff: z.string(),
    artifact: z.string(),
  }),

  async handler({ verdict, diff, summary, findings, task: wanted }, call) {
    const { tx, session, now } = call;
    const held = await heldTask(call);
    const submission = await reviewed(call, wanted, held);
    if (await isAuthor(tx, submission, session)) throw ownWork(submission);
    if (submission.diff_digest !== diff) throw otherDiff(submission);
    refuseContradiction(verdict, findings);
    const body = JSON.stringify({ summary, findings });
    await insertReview(tx, {
      subject: 'change',
      target: submission.id,
      digest: submission.diff_digest,
      verdict,
      body,
      task: held.id,
      session: session.id,
      agent: session.agent,
      root: session.root,
      created_at: now,
    });
    const document = {
      name: 'review',
      media: 'text/markdown',
      body: asMarkdown(submission, verdict, summary, findings),
    };
    const artifact = await insertArtifact(tx, document, { task: held, session, now });
    return {
      submission: submissionId(submission.id),
      commit: submission.commit_id,
      verdict,
      diff: submission.diff_digest,
      artifact: artifactId(artifact.id),
    };
  },
});

type Submission = Row<'submissions'>;
type Finding = z.output<typeof finding>;

async function reviewed(
  { tx }: Call,
  wanted: number | undefined,
  held: Pick<Row<'tasks'>, 'id' | 'pipeline'>,
): Promise<Submission> {
  const task = wanted === undefined ? held : await findTask(tx, wanted);
  const submission = task && (await submissionOf(tx, task));
  if (submission) return submission;
  throw new ToolError(
    'NOT_FOUND',
    `Nothing was submitted for ${taskId(wanted ?? held.id)} or its pipeline.`,
    'Name the task whose change you review, or block yours with task_block.',
    { rule: 'review.no-submission' },
  );
}

const ownWork = (submission: Submission) =>
  new ToolError(
    'FORBIDDEN',
    `${submissionId(submission.id)} is your own work, in agent or in root session: nobody reviews that.`,
    'Leave it to an agent of another root session; task_return gives your task to one.',
    { rule: 'review.self' },
  );

const otherDiff = (submission: Submission) =>
  new ToolError(
    'CONFLICT',
    `The latest diff is ${submission.diff_digest}, not the one you read.`,
    'Read it with change_diff and judge that one.',
    { rule: 'review.stale' },
  );

function refuseContradiction(verdict: string, findings: readonly Finding[]): void {
  const blocks = findings.some(({ severity }) => severity === 'blocker');
  const why =
    verdict === 'accept' && blocks
      ? 'You accept a change with a blocker.'
      : verdict === 'reject' && findings.length === 0
        ? 'You reject a change without a finding.'
        : undefined;
  if (why)
    throw new ToolError(
      'INVALID_INPUT',
      why,
      'Call review_submit again with verdict and findings that agree.',
      {
        rule: 'review.contradiction',
      },
    );
}

function asMarkdown(
  submission: Submission,
  verdict: string,
  summary: string,
  findings: readonly Finding[],
): string {
  const items = findings.map(
    ({ file, line, severity, text: says }) => `- **${severity}** ${file}${line ? `:${line}` : ''}: ${says}`,
  );
  return [
    `# Review of ${submissionId(submission.id)}: ${verdict}`,
    `Commit ${submission.commit_id}, diff ${submission.diff_digest}.`,
    summary,
    items.join('\n') || 'No findings.',
  ].join('\n\n');
}
