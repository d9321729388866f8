import * as z from 'zod';
import { isAuthor } from '../../core/authors.ts';
import { holding, openFindings, shownFindings } from '../../core/conditions.ts';
import { ToolError } from '../../core/errors.ts';
import { findTask, heldTask } from '../../core/held.ts';
import { artifactId, findingId, idInput, submissionId, taskId } from '../../core/ids.ts';
import type { Row } from '../../core/store/schema.ts';
import { type Call, defineTool } from '../../core/tool.ts';
import { text } from '../input.ts';
import {
  answerFinding,
  insertArtifact,
  insertFinding,
  insertReview,
  modelOfRun,
  submissionOf,
} from '../queries.ts';

const answer = z.strictObject({
  finding: idInput('F'),
  state: z.enum(['fixed', 'refuted']),
  evidence: text(1000),
});

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
    "Accept or reject another agent's change: your pipeline's latest, or the named task's, read whole with change_diff. Answer open findings.",
  input: z.strictObject({
    verdict: z.enum(['accept', 'reject']),
    diff: z
      .string()
      .regex(/^[0-9a-f]{64}$/, 'the digest that change_diff and gate_status show')
      .describe('Digest that you read.'),
    summary: text(4000),
    findings: z.array(finding).max(50).optional(),
    answers: z.array(answer).max(100).optional(),
    task: idInput('T').optional(),
  }),
  output: z.object({
    submission: z.string(),
    commit: z.string(),
    verdict: z.string(),
    diff: z.string(),
    artifact: z.string(),
    open: z.array(z.string()).describe('Findings that keep the review open.'),
  }),

  async handler({ verdict, diff, summary, findings = [], answers = [], task: wanted }, call) {
    const { tx, session, now } = call;
    const held = await heldTask(call);
    const submission = await reviewed(call, wanted, held);
    if (await isAuthor(tx, submission, session)) throw ownWork(submission);
    if (submission.diff_digest !== diff) throw otherDiff(submission);
    const open = await openFindings(tx, submission);
    for (const one of answers) refuseAnswer(one, open, submission);
    const left = open.filter(({ id }) => !answers.some((one) => one.finding === id));
    const unanswered = holding(left);
    refuseContradiction(verdict, findings, unanswered);
    if (verdict === 'accept' && unanswered.length > 0) throw stillOpen(unanswered);
    const body = JSON.stringify({ summary, findings, answers });
    const review = await insertReview(tx, {
      subject: 'change',
      target: submission.id,
      digest: submission.diff_digest,
      verdict,
      body,
      model: await modelOfRun(tx, held.id, session.id),
      task: held.id,
      session: session.id,
      agent: session.agent,
      root: session.root,
      created_at: now,
    });
    for (const { finding: id, state, evidence } of answers)
      await answerFinding(tx, id, { state, evidence, answered_by: review.id });
    const made: Made[] = [];
    for (const one of findings) {
      const { id } = await insertFinding(tx, {
        review: review.id,
        task: submission.task,
        pipeline: submission.pipeline,
        diff: submission.diff_digest,
        place: one.line === undefined ? one.file : `${one.file}:${one.line}`,
        severity: one.severity,
        what: one.text,
        created_at: now,
      });
      made.push({ ...one, id });
    }
    const document = {
      name: 'review',
      media: 'text/markdown',
      body: asMarkdown(submission, { verdict, summary, answers }, made),
    };
    const artifact = await insertArtifact(tx, document, { task: held, session, now });
    return {
      submission: submissionId(submission.id),
      commit: submission.commit_id,
      verdict,
      diff: submission.diff_digest,
      artifact: artifactId(artifact.id),
      open: [...unanswered, ...made.filter(({ severity }) => severity !== 'minor')].map(({ id }) =>
        findingId(id),
      ),
    };
  },
});

type Submission = Row<'submissions'>;
type Finding = z.output<typeof finding>;
type Made = Finding & { id: number };
type Answer = z.output<typeof answer>;

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

function refuseAnswer(
  { finding: id, state }: Answer,
  open: readonly Row<'findings'>[],
  submission: Submission,
): void {
  const found = open.find((one) => one.id === id);
  if (!found)
    throw new ToolError(
      'NOT_FOUND',
      `${findingId(id)} is no open finding of this change.`,
      'gate_status names the open ones under review; call review_submit again with those.',
      { rule: 'review.no-finding' },
    );
  if (state === 'fixed' && found.diff === submission.diff_digest)
    throw new ToolError(
      'CONFLICT',
      `${findingId(id)} was found in this very diff: nothing was fixed since.`,
      'Refute it with evidence in review_submit, or reject.',
      { rule: 'review.not-fixed' },
    );
}

const stillOpen = (findings: readonly Row<'findings'>[]) =>
  new ToolError(
    'GATE_CLOSED',
    `${findings.length} of this change's findings are open: ${shownFindings(findings)}.`,
    'Answer each in `answers` of review_submit, fixed or refuted with what shows it, or reject.',
    { rule: 'review.open-findings' },
  );

function refuseContradiction(
  verdict: string,
  findings: readonly Finding[],
  unanswered: readonly unknown[],
): void {
  const blocks = findings.some(({ severity }) => severity !== 'minor');
  const why =
    verdict === 'accept' && blocks
      ? 'You accept a change with a finding that is not minor.'
      : verdict === 'reject' && findings.length + unanswered.length === 0
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
  { verdict, summary, answers }: { verdict: string; summary: string; answers: readonly Answer[] },
  findings: readonly Made[],
): string {
  const items = findings.map(
    ({ id, file, line, severity, text: says }) =>
      `- **${severity}** ${file}${line ? `:${line}` : ''}: ${says} (${findingId(id)})`,
  );
  const answered = answers.map(
    ({ finding: id, state, evidence }) => `- ${findingId(id)} ${state}: ${evidence}`,
  );
  return [
    `# Review of ${submissionId(submission.id)}: ${verdict}`,
    `Commit ${submission.commit_id}, diff ${submission.diff_digest}.`,
    summary,
    items.join('\n') || 'No findings.',
    ...(answered.length > 0 ? [answered.join('\n')] : []),
  ].join('\n\n');
}
