import * as z from 'zod';
import { ToolError } from '../../core/errors.ts';
import { newestResult } from '../../core/gate_results.ts';
import { isMachineGate, MACHINE_GATES } from '../../core/gates.ts';
import { heldTask } from '../../core/held.ts';
import { jobId } from '../../core/ids.ts';
import type { FinishedJob } from '../../core/job_store.ts';
import { lessonLine, lessonsFor, pathsIn } from '../../core/memory/lessons.ts';
import { errorSignatures } from '../../core/memory/signature.ts';
import { type Call, defineTool } from '../../core/tool.ts';
import { submissionOf } from '../queries.ts';

const WAIT_MS = 20_000;
const MOST_LESSONS = 3;

const gateAnswer = z.object({
  gate: z.string(),
  closed: z.boolean(),
  why: z.string(),
  digest: z.string(),
  isolation: z.string(),
  ms: z.number(),
});

export default defineTool({
  name: 'gate_run',
  needs: 'change:submit',
  effect: 'write',
  outside: true,
  description:
    'Run machine gates on what your task submitted. Answers with the results, or a job for task_wait.',
  input: z.strictObject({
    gates: z
      .array(z.enum(MACHINE_GATES))
      .min(1)
      .max(MACHINE_GATES.length)
      .optional()
      .describe('All unless you name some.'),
    commit: z
      .string()
      .regex(/^[0-9a-f]{40}$/, 'a full commit id')
      .optional(),
  }),
  output: z.object({
    job: z.string(),
    state: z.enum(['running', 'done', 'failed']),
    commit: z.string(),
    gates: z.array(gateAnswer),
    lessons: z.array(z.string()).describe('What earlier failures of this kind taught.'),
    next: z.string(),
  }),

  async handler({ gates, commit: wanted }, call) {
    const chosen = MACHINE_GATES.filter((gate) => gates?.includes(gate) ?? true);
    const { job, commit } = await enqueue(call, chosen, wanted);
    call.services.jobs.kick();
    const done = await call.services.jobs.wait(job, WAIT_MS, call.signal);
    const answer = progress(jobId(job), done);
    const open = answer.gates.filter(({ closed }) => !closed).map(({ gate }) => gate);
    return { job: jobId(job), commit, ...answer, lessons: await lessonsOn(call, commit, open) };
  },
});

interface Progress {
  state: 'running' | 'done' | 'failed';
  gates: z.output<typeof gateAnswer>[];
  next: string;
}

function progress(job: string, done: FinishedJob | undefined): Progress {
  if (!done)
    return {
      state: 'running',
      gates: [],
      next: `Call task_wait with job ${job}: its result names each gate.`,
    };
  if (!done.ok)
    return {
      state: 'failed',
      gates: [],
      next: `Name ${job} in task_block: the server failed, not your change.`,
    };
  const gates = z.array(gateAnswer).parse(done.result.gates);
  const open = gates.find(({ closed }) => !closed);
  const next = open
    ? `Correct what "${open.gate}" found and submit again; where you have gate_status, it shows the end of the log.`
    : 'These gates are closed; task_complete says what else is open.';
  return { state: 'done', gates, next };
}

/** The lessons that speak of what these gates found on a commit. */
async function lessonsOn({ db }: Call, commit: string, open: readonly string[]): Promise<string[]> {
  const results = await Promise.all(open.filter(isMachineGate).map((gate) => newestResult(db, commit, gate)));
  const logs = results.map((result) => result?.log ?? '');
  const occasion = {
    signatures: logs.flatMap(errorSignatures),
    paths: logs.flatMap(pathsIn),
    texts: logs,
  };
  return open.length === 0 ? [] : (await lessonsFor(db, occasion, MOST_LESSONS)).map(lessonLine);
}

async function enqueue(call: Call, gates: readonly string[], wanted: string | undefined) {
  const { services, session, now, about } = call;
  return call.transaction(async (tx) => {
    const task = await heldTask({ session, now, db: tx, about });
    const submission = await submissionOf(tx, task, wanted);
    if (!submission) {
      throw new ToolError(
        'CONFLICT',
        wanted ? 'That commit is no submission of your task.' : 'Your task has no submission.',
        'Hand your commit in with change_submit first.',
        { rule: 'gate.no-submission' },
      );
    }
    const commit = submission.commit_id;
    const job = await services.jobs.enqueueOnce(tx, 'gate.run', { commit, gates }, session.id, now);
    return { job, commit };
  });
}
