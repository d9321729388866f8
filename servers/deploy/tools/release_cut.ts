import * as z from 'zod';
import { ToolError } from '../../core/errors.ts';
import { idInput, jobId, releaseId } from '../../core/ids.ts';
import { refuseIfStopped } from '../../core/kill.ts';
import type { Row } from '../../core/store/schema.ts';
import type { Tx } from '../../core/store/store.ts';
import { type Call, defineTool } from '../../core/tool.ts';
import { cutJob, cutResult } from '../cut.ts';
import { currentOf, cutJobOf, insertRelease, saveRelease } from '../queries.ts';
import { type Releasable, releasable } from '../rules.ts';
import { scopeOf } from '../scope.ts';

/** Well under the 45 s after which hosts give up. */
const WAIT_MS = 20_000;

export default defineTool({
  name: 'release_cut',
  needs: 'release:cut',
  effect: 'write',
  outside: true,
  description:
    'Build and upload the merged commit of a pipeline, if everything about it is closed and signed. It answers at a preview without traffic; release_advance goes on. done: false has a job for task_wait.',
  input: z.strictObject({
    pipeline: idInput('P').optional(),
    commit: z
      .string()
      .max(40)
      .regex(/^[0-9a-f]{40}$/, 'a full commit id')
      .optional(),
  }),
  output: z.object({
    done: z.boolean(),
    job: z.string().optional(),
    release: z.string(),
    preview: z.string().optional(),
    version: z.string().optional(),
    commit: z.string().optional(),
  }),

  async handler({ pipeline, commit }, call) {
    const { db, factory, services, session } = call;
    await refuseIfStopped(db, session.role);
    const scope = await scopeOf(call, pipeline);
    const chosen = await releasable(services, db, factory, scope, commit);
    const { release, job } = await call.transaction((tx) => begin(call, tx, chosen, scope.task));
    services.jobs.kick();
    const ended = await services.jobs.wait(job, WAIT_MS, call.signal);
    if (!ended) return { done: false, job: jobId(job), release: releaseId(release) };
    if (!ended.ok) throw notCut(release, 'The server failed while cutting it.', 'release.failed');
    const result = cutResult.parse(ended.result);
    if (result.state === 'failed') throw notCut(release, result.why, result.rule);
    return result;
  },
});

/**
 * Begins a release, or joins the one of the same commit and plan that is under way or live: asking twice releases
 * once. One product has one release at a time.
 */
async function begin(
  call: Call,
  tx: Tx,
  { submission, plan }: Releasable,
  task: number,
): Promise<{ release: number; job: number }> {
  const { services, session, now } = call;
  const { commit_id, pipeline } = submission;
  const current = await currentOf(tx, plan);
  const job = current && (await cutJobOf(tx, current.id));
  if (current && job && job.state !== 'failed') {
    const same = current.commit_id === commit_id && cutJob.parse(JSON.parse(job.input)).plan === plan.id;
    if (same) return { release: current.id, job: job.id };
    if (current.state === 'cutting') throw busy(current);
  } else if (current?.state === 'cutting') {
    await saveRelease(tx, current.id, { state: 'failed' });
  }
  const { product, target } = plan;
  const row = { product, commit_id, target, pipeline, task: task || submission.task, created_at: now };
  const { id } = await insertRelease(tx, row);
  const input = { release: id, plan: plan.id, role: session.role };
  return { release: id, job: await services.jobs.enqueue(tx, 'release.cut', input, session.id, now) };
}

const busy = ({ id, product }: Row<'releases'>) =>
  new ToolError(
    'CONFLICT',
    `${releaseId(id)} of ${product} is being cut.`,
    'Call again when it has ended; task_wait tells.',
    { rule: 'release.busy' },
  );

const notCut = (release: number, why: string, rule: string) =>
  new ToolError(
    'GATE_CLOSED',
    `${releaseId(release)} failed, and what was served before still is: ${why}`.slice(0, 600),
    'Hand your task in as failed with task_complete: the change goes back to build.',
    { rule },
  );
