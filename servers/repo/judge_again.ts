import { roleFor } from '../core/factory/parse.ts';
import { definitionOf } from '../core/factory/steps.ts';
import { isMachineGate } from '../core/gates.ts';
import type { HeldTask } from '../core/held.ts';
import { jobId, taskId } from '../core/ids.ts';
import type { Tx } from '../core/store/store.ts';
import type { Call } from '../core/tool.ts';
import { findPipeline, insertStepTask } from './queries.ts';

export interface Rejudged {
  /** The task whose holder wanted to merge. */
  task: HeldTask;
  change: { commit_id: string; pipeline: number | null };
  /** Names of what does not hold for the commit. */
  open: readonly string[];
}

/**
 * Has the servers run the open machine gates and QA's suite, and gives each open judgement to its pipeline step once more, unless
 * that is the caller's own role. The caller kicks the jobs after the commit. Returns the ids to wait for.
 */
export async function judgeAgain(call: Call, tx: Tx, { task, change, open }: Rejudged): Promise<string[]> {
  const { services, session, now } = call;
  const gates = open.filter(isMachineGate);
  const commit = change.commit_id;
  const jobs = [
    ...(gates.length > 0 ? [{ kind: 'gate.run', input: { commit, gates } }] : []),
    ...(open.includes('qa') ? [{ kind: 'qa.run', input: { commit } }] : []),
  ];
  const waits: string[] = [];
  for (const { kind, input } of jobs) {
    waits.push(jobId(await services.jobs.enqueue(tx, kind, input, session.id, now)));
  }
  for (const step of await judgingSteps(call, tx, change.pipeline, open)) {
    const of = { round: task.round, createdBy: session.agent, now };
    waits.push(taskId(await insertStepTask(tx, { ...step, ...of })));
  }
  return waits;
}

async function judgingSteps(
  { factory, session }: Call,
  tx: Tx,
  pipeline: number | null,
  open: readonly string[],
) {
  const run = pipeline === null ? undefined : await findPipeline(tx, pipeline);
  if (!run) return [];
  return definitionOf(run).phases.flatMap((phase) =>
    phase.steps
      .filter((step) => step.closes.some((name) => !isMachineGate(name) && open.includes(name)))
      .map((step) => ({
        step,
        phase: phase.id,
        pipeline: run.id,
        role: roleFor(factory, step.role) ?? step.role,
      }))
      .filter(({ role }) => role !== session.role),
  );
}
