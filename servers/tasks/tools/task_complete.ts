import * as z from 'zod';
import { ToolError } from '../../core/errors.ts';
import { stepOf } from '../../core/factory/steps.ts';
import { type HeldTask, heldTask } from '../../core/held.ts';
import { pipelineId, taskId } from '../../core/ids.ts';
import { releaseLease } from '../../core/leases.ts';
import { type Call, defineTool } from '../../core/tool.ts';
import { failureReport } from '../artifacts_queries.ts';
import { learnFrom } from '../learning.ts';
import { failPhase, settlePipeline } from '../pipelines.ts';
import { findPipeline } from '../pipelines_queries.ts';
import { finishTask, forgetTask } from '../queries.ts';
import { refuseStaleMemory } from '../remembered.ts';
import { requirements } from '../requirements.ts';
import { wordsRequirement } from '../words.ts';

export default defineTool({
  name: 'task_complete',
  needs: 'task:work',
  effect: 'write',
  description:
    'Hand your task in; the server checks artifacts, gates, reviews and decisions. outcome "failed": the phase did not hold; the pipeline goes where it says.',
  input: z.strictObject({
    summary: z
      .string()
      .trim()
      .min(3)
      .max(4000)
      .describe('What was done and what was seen, criterion by criterion.'),
    outcome: z.enum(['done', 'failed']).default('done'),
  }),
  output: z.object({ task: z.string(), outcome: z.string(), next: z.string() }),

  async handler({ summary, outcome }, call) {
    const task = await heldTask(call);
    const run = task.pipeline === null ? undefined : await findPipeline(call.tx, task.pipeline);
    const step = stepOf(run, task);
    const asked = step ? await requirements(call, step, task) : [];
    if (run && step) asked.push(...(await wordsRequirement(call, run, step, task)));
    const failed = asked.filter(({ state }) => state === 'failed');
    const open = asked.filter(({ state }) => state === 'open');
    const failing = outcome === 'failed' || failed.length > 0;
    if (!failing && open.length > 0) {
      throw new ToolError(
        'GATE_CLOSED',
        `${taskId(task.id)} is not complete: ${open.map(({ why }) => why).join('; ')}.`,
        open[0]?.remedy ?? 'Finish it first.',
        {
          rule: 'task.incomplete',
        },
      );
    }
    await refuseStaleMemory(call, task);
    await releaseLease(call.tx, 'task', task.id);
    await forgetTask(call.tx, call.session.id);
    if (!failing) return settle(call, task, run, summary);
    const why = failed.length > 0 ? failed.map((item) => item.why).join('; ') : summary;
    return fail(call, task, run, `${summary}\n\n${why}`);
  },
});

async function settle(call: Call, task: HeldTask, run: Run, summary: string) {
  const { tx, now } = call;
  await finishTask(tx, task.id, 'done', summary, now);
  await learnFrom(call, task, run, true);
  const over = task.pipeline === null ? undefined : await settlePipeline(tx, task.pipeline, now);
  const next = over
    ? `${pipelineId(task.pipeline as number)} is ${over}.`
    : 'Call task_checkout for what is ready now.';
  return { task: taskId(task.id), outcome: 'done', next };
}

type Run = Awaited<ReturnType<typeof findPipeline>>;

async function fail(call: Call, task: HeldTask, run: Run, why: string) {
  const { tx, factory, session, now } = call;
  if (!run) {
    await finishTask(tx, task.id, 'blocked', why, now);
    await learnFrom(call, task, run, false);
    return { task: taskId(task.id), outcome: 'failed', next: 'The task is blocked; its creator decides.' };
  }
  const report = await failureReport(tx, task, session, why, now);
  await finishTask(tx, task.id, 'cancelled', why, now);
  await learnFrom(call, task, run, false);
  const outcome = await failPhase(
    { tx, factory, run, round: task.round, createdBy: session.agent, now },
    task,
    report,
  );
  return { task: taskId(task.id), outcome: 'failed', next: outcome.says };
}
