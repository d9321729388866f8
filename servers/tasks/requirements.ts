import { conditionStates } from '../core/conditions.ts';
import type { Condition, Step } from '../core/factory/pipeline.ts';
import type { HeldTask } from '../core/held.ts';
import type { Row } from '../core/store/schema.ts';
import type { Call } from '../core/tool.ts';
import { latestArtifacts, leftUnderFence } from './artifacts_queries.ts';
import { latestCheckpoint, reviewBy } from './pipelines_queries.ts';

export interface Requirement {
  state: 'closed' | 'open' | 'failed';
  why: string;
  remedy: string;
}

/** The tool by which a condition comes to hold. */
const CLOSED_BY: Readonly<Record<Condition, string>> = {
  smoke: 'gate_run',
  consistency: 'gate_run',
  docs: 'gate_run',
  rollback: 'gate_run',
  scan: 'gate_run',
  review: 'review_submit',
  qa: 'qa_verdict',
  merged: 'change_merge',
  'plan-proposed': 'infra_propose',
  'plan-approved': 'infra_review',
  'plan-applied': 'infra_apply',
  released: 'release_advance',
  verified: 'release_verify',
};

const remedyFor = (condition: Condition) =>
  `Close it with ${CLOSED_BY[condition]}; where it cannot hold, task_complete with outcome "failed", saying why.`;

/** Everything a step must show before it completes, each by what the store holds and never by what is said. */
export async function requirements(call: Call, step: Step, task: HeldTask): Promise<Requirement[]> {
  const { tx, factory } = call;
  const conditions = await conditionStates(tx, factory, step, task);
  return [
    ...(await written(call, step, task)),
    ...(await accepted(call, step, task)),
    ...conditions.map(({ name, state, why }) => ({ state, why, remedy: remedyFor(name as Condition) })),
    ...(await decided(call, step, task)),
  ];
}

async function written({ tx }: Call, step: Step, task: HeldTask): Promise<Requirement[]> {
  const newest = await leftUnderFence(tx, task);
  const missing = step.writes
    .filter((name) => !newest.has(name))
    .map((name) => ({
      state: 'open' as const,
      why: `artifact "${name}" is missing`,
      remedy: `Leave it with artifact_put, named "${name}".`,
    }));
  const first = newest.get(step.writes[0] ?? '');
  if (step.min_score === undefined || !first) return missing;
  const score = scoreOf(first);
  if (score !== undefined && score >= step.min_score) return missing;
  const why =
    score === undefined
      ? `"${first.name}" states no score`
      : `the score is ${score}, below ${step.min_score}`;
  const remedy = `State a line "score: N" in "${first.name}"; below ${step.min_score}, complete with outcome "failed".`;
  return [...missing, { state: 'open', why, remedy }];
}

/** The `score: N` line of a brief. Several that differ count as none. */
function scoreOf(artifact: Row<'artifacts'>): number | undefined {
  const found = [...artifact.body.matchAll(/^\s*score:\s*(\d{1,2})\s*$/gim)].map((match) => Number(match[1]));
  return new Set(found).size === 1 ? found[0] : undefined;
}

const NO_SUBJECT = 'Give the task back with task_return until its author has left it.';

async function accepted({ tx, session }: Call, step: Step, task: HeldTask): Promise<Requirement[]> {
  const artifacts = await latestArtifacts(tx, { pipeline: task.pipeline, task: task.id }, step.accepts);
  return Promise.all(
    step.accepts.map(async (name): Promise<Requirement> => {
      const artifact = artifacts.find((row) => row.name === name);
      if (!artifact) return { state: 'open', why: `"${name}" is missing`, remedy: NO_SUBJECT };
      const review = await reviewBy(tx, session.agent, artifact);
      const remedy = `Read it, then call artifact_review on A-${artifact.id}.`;
      if (!review)
        return { state: 'open', why: `"${artifact.name}" is neither accepted nor rejected`, remedy };
      return {
        state: review.verdict === 'accept' ? 'closed' : 'failed',
        why: `"${artifact.name}" was ${review.verdict}ed`,
        remedy,
      };
    }),
  );
}

async function decided({ tx, now }: Call, step: Step, task: HeldTask): Promise<Requirement[]> {
  if (!step.checkpoint || task.pipeline === null) return [];
  const { name, artifact: subject } = step.checkpoint;
  const [artifact] = await latestArtifacts(tx, { pipeline: task.pipeline, task: task.id }, [subject]);
  const row = await latestCheckpoint(tx, task.pipeline, name);
  const remedy = 'Ask with checkpoint_request, then wait with task_wait; only the human decides.';
  if (!row || row.digest !== artifact?.digest)
    return [{ state: 'open', why: `the human has not decided on ${name}`, remedy }];
  if (row.state === 'approved') return [{ state: 'closed', why: `${name} is approved`, remedy }];
  const timedOut = row.state === 'open' && row.expires_at <= now;
  if (row.state === 'open' && !timedOut)
    return [{ state: 'open', why: `${name} waits for the human`, remedy }];
  return [
    {
      state: 'failed',
      why: `${name} was ${timedOut ? 'not decided in time, which means no' : row.state}`,
      remedy,
    },
  ];
}
