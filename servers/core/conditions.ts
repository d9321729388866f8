import { sql } from 'kysely';
import type { Factory } from './factory/definition.ts';
import type { Condition, Step } from './factory/pipeline.ts';
import { resultInForce } from './gate_results.ts';
import { isMachineGate, type MachineGate, type QaGate, qaGates } from './gates.ts';
import { findingId } from './ids.ts';
import { prepared, unplanned } from './store/prepared.ts';
import type { Row } from './store/schema.ts';
import type { Db } from './store/store.ts';

/**
 * `closed`: it holds, by evidence a server made. `open`: nothing shows that it holds. `failed`: somebody who
 * may judge it said no. `evidence` is the digest of what the answer rests on.
 */
export interface ConditionState {
  name: string;
  state: 'closed' | 'open' | 'failed';
  why: string;
  evidence?: string;
}

/** The change a pipeline (or a single task) is about: what was submitted last. */
export async function latestSubmission(
  db: Db,
  of: { pipeline: number | null; task: number },
): Promise<Row<'submissions'> | undefined> {
  const [last] = await (of.pipeline === null
    ? lastOfTask(db, { id: of.task })
    : lastOfPipeline(db, { id: of.pipeline }));
  return last;
}

const lastOf = (column: 'task' | 'pipeline') =>
  prepared<{ id: number }>()((db, value) =>
    db
      .selectFrom('submissions')
      .selectAll()
      .where(column, '=', unplanned.integer(value('id')))
      .orderBy('id', 'desc')
      .limit(sql.lit(1)),
  );
const lastOfTask = lastOf('task');
const lastOfPipeline = lastOf('pipeline');

/** One machine gate on one commit, by the newest evidence for the definition in force. */
export async function machineGateState(
  db: Db,
  factory: Factory,
  gate: MachineGate,
  commit: string,
): Promise<ConditionState> {
  const result = await resultInForce(db, factory, gate, commit);
  const open = (why: string): ConditionState => ({ name: gate, state: 'open', why: `${gate} ${why}` });
  if (!result) return open(`has not run on ${short(commit)}`);
  if (result.fault !== undefined) return open(result.fault);
  const evidence = result.digest;
  return result.closed === 1
    ? { name: gate, state: 'closed', why: `${gate} passed on ${short(commit)}`, evidence }
    : { ...open(`did not pass on ${short(commit)}`), evidence };
}

/** One gate of QA on one commit, by the newest evidence for the definition in force. */
async function qaGateState(db: Db, factory: Factory, gate: QaGate, commit: string): Promise<ConditionState> {
  const result = await resultInForce(db, factory, gate, commit);
  if (!result) return { name: gate, state: 'open', why: 'it has not run on this commit' };
  const evidence = result.digest;
  if (result.fault !== undefined) return { name: gate, state: 'open', why: `it ${result.fault}`, evidence };
  const [why = ''] = result.log.split('\n', 1);
  return { name: gate, state: result.closed === 1 ? 'closed' : 'open', why, evidence };
}

/** What machines have to say of a commit before it is merged: the gates of QA, and those that a merge needs. */
export const gateStates = (db: Db, factory: Factory, commit: string): Promise<ConditionState[]> =>
  Promise.all([
    ...qaGates(factory).map((gate) => qaGateState(db, factory, gate, commit)),
    ...factory.merge.needs.filter(isMachineGate).map((gate) => machineGateState(db, factory, gate, commit)),
  ]);

/** What reviews of a change found and nobody has answered, minor ones too. */
export const openFindings = (db: Db, { pipeline, task }: Pick<Row<'submissions'>, 'pipeline' | 'task'>) =>
  db
    .selectFrom('findings')
    .selectAll()
    .where(pipeline === null ? 'task' : 'pipeline', '=', pipeline ?? task)
    .where('state', '=', 'open')
    .orderBy('id')
    .limit(MOST_FINDINGS)
    .execute();

/** Those that keep a review open: all but the minor ones, which are told only. */
export const holding = (findings: readonly Row<'findings'>[]): Row<'findings'>[] =>
  findings.filter(({ severity }) => severity !== 'minor');

/** The first findings of a list, as a reader of a sentence needs them. */
export const shownFindings = (findings: readonly Row<'findings'>[]): string =>
  findings
    .slice(0, 5)
    .map(({ id, severity, place, what }) => `${findingId(id)} ${severity} ${place}: ${what.slice(0, 120)}`)
    .join('; ');

/**
 * The review of a submission by others than its author, in agent and in root session: as many in a row accepted its
 * diff as the factory asks for, and nothing that any review of the change found is open.
 */
export async function reviewState(
  db: Db,
  submission: Row<'submissions'>,
  { rounds, models }: Factory['review'] = { rounds: 1, models: 'any' },
): Promise<ConditionState> {
  const rows = await db
    .selectFrom('reviews')
    .innerJoin('submissions', 'submissions.id', 'reviews.target')
    .select(['reviews.verdict', 'reviews.digest', 'reviews.agent', 'reviews.model'])
    .where('reviews.subject', '=', 'change')
    .where('submissions.task', '=', submission.task)
    .where('reviews.digest', '=', submission.diff_digest)
    .where('reviews.agent', '<>', submission.agent)
    .where('reviews.root', '<>', submission.root)
    .orderBy('reviews.id', 'desc')
    .limit(MOST_REVIEWS)
    .execute();
  const findings = holding(await openFindings(db, submission));
  const left = findings.length === 0 ? '' : `; open: ${shownFindings(findings)}`;
  const open = (why: string): ConditionState => ({ name: 'review', state: 'open', why: `${why}${left}` });
  const [row] = rows;
  if (!row) return open('nobody else has reviewed this diff');
  const { agent, digest: evidence } = row;
  if (row.verdict === 'reject')
    return { name: 'review', state: 'failed', why: `rejected by ${agent}${left}`, evidence };
  if (findings.length > 0) return open(`accepted by ${agent}`);
  const rejected = rows.findIndex(({ verdict }) => verdict === 'reject');
  const accepts = rejected === -1 ? rows : rows.slice(0, rejected);
  const made =
    models === 'any'
      ? accepts.length
      : new Set(accepts.flatMap(({ model }) => (model === null ? [] : [model]))).size;
  const by = models === 'any' ? '' : ' by different models';
  return made < rounds
    ? open(`${made} of ${rounds} reviews${by} accepted this diff`)
    : { name: 'review', state: 'closed', why: `accepted by ${agent}`, evidence };
}

/** More than the rounds of any factory; older ones are not looked at. */
const MOST_REVIEWS = 20;
const MOST_FINDINGS = 1_000;

/** The newest QA verdict on a commit. */
export async function qaState(db: Db, commit: string): Promise<ConditionState> {
  const row = await db
    .selectFrom('verdicts')
    .selectAll()
    .where('commit_id', '=', commit)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (!row) return { name: 'qa', state: 'open', why: `no verdict on ${short(commit)}` };
  return row.verdict === 'PASS'
    ? { name: 'qa', state: 'closed', why: `PASS on ${short(commit)}`, evidence: row.digest }
    : { name: 'qa', state: 'failed', why: `FAIL on ${short(commit)}`, evidence: row.digest };
}

/** Every condition a step closes, for one task of a pipeline. */
export async function conditionStates(
  db: Db,
  factory: Factory,
  step: Pick<Step, 'closes'>,
  task: Pick<Row<'tasks'>, 'id' | 'pipeline'>,
): Promise<ConditionState[]> {
  const of = { pipeline: task.pipeline, task: task.id };
  const submission = await latestSubmission(db, of);
  return Promise.all(step.closes.map((name) => conditionState(db, factory, name, task.pipeline, submission)));
}

async function conditionState(
  db: Db,
  factory: Factory,
  name: Condition,
  pipeline: number | null,
  submission: Row<'submissions'> | undefined,
): Promise<ConditionState> {
  if (name.startsWith('plan-')) return planState(db, name, pipeline);
  if (name === 'released' || name === 'verified') return releaseState(db, name, pipeline);
  if (!submission) return { name, state: 'open', why: 'no change was submitted' };
  if (isMachineGate(name)) return machineGateState(db, factory, name, submission.commit_id);
  if (name === 'review') return reviewState(db, submission, factory.review);
  if (name === 'qa') return qaState(db, submission.commit_id);
  return submission.merged_commit !== null
    ? {
        name,
        state: 'closed',
        why: `merged as ${short(submission.merged_commit)}`,
        evidence: submission.merged_commit,
      }
    : { name, state: 'open', why: 'the change is not merged' };
}

async function planState(db: Db, name: string, pipeline: number | null): Promise<ConditionState> {
  const plan = await db
    .selectFrom('plans')
    .selectAll()
    .where('pipeline', pipeline === null ? 'is' : '=', pipeline)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (!plan) return { name, state: 'open', why: 'no plan was proposed' };
  if (plan.state === 'rejected') {
    return name === 'plan-proposed'
      ? { name, state: 'open', why: 'the last plan was rejected' }
      : { name, state: 'failed', why: 'the plan was rejected', evidence: plan.digest };
  }
  const reached = { proposed: 0, approved: 1, applied: 2 }[plan.state];
  const wanted = { 'plan-proposed': 0, 'plan-approved': 1, 'plan-applied': 2 }[name] ?? 2;
  return reached >= wanted
    ? { name, state: 'closed', why: `the plan is ${plan.state}`, evidence: plan.digest }
    : { name, state: 'open', why: `the plan is only ${plan.state}` };
}

/** The newest release of a pipeline; without one, of the tasks that belong to none. */
export const latestRelease = (db: Db, pipeline: number | null) =>
  db
    .selectFrom('releases')
    .selectAll()
    .where('pipeline', pipeline === null ? 'is' : '=', pipeline)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();

async function releaseState(
  db: Db,
  name: 'released' | 'verified',
  pipeline: number | null,
): Promise<ConditionState> {
  const release = await latestRelease(db, pipeline);
  if (!release || release.state === 'cutting') return { name, state: 'open', why: 'nothing was released' };
  const evidence = release.evidence ?? release.bundle;
  if (release.state === 'failed' || release.state === 'rolled-back') {
    return { name, state: 'failed', why: `the release is ${release.state}`, evidence };
  }
  if (name === 'verified' && release.state !== 'verified')
    return { name, state: 'open', why: 'the release is not verified' };
  return { name, state: 'closed', why: `the release is ${release.state}`, evidence };
}

const short = (commit: string) => commit.slice(0, 12);
