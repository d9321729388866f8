import { sql } from 'kysely';
import { latestSubmission } from '../conditions.ts';
import { prepared, unplanned } from '../store/prepared.ts';
import type { Row } from '../store/schema.ts';
import type { Db } from '../store/store.ts';

const MOST_OF_A_KIND = 6;

/** A failure as a server has it on record. */
export interface Failure {
  kind: 'gate' | 'verdict' | 'review';
  /** Digest of its evidence. */
  digest: string;
  text: string;
  at: number;
}

type Of = Pick<Row<'tasks'>, 'id' | 'pipeline'>;

/** What last went against a task, or against the change and the documents of its pipeline, newest first. */
export async function lastFailures(db: Db, of: Of): Promise<Failure[]> {
  const submission = await latestSubmission(db, { pipeline: of.pipeline, task: of.id });
  return sorted([
    ...(submission ? await failuresOfChanges(db, [submission], 0) : []),
    ...(await rejectedArtifacts(db, of, 0)),
  ]);
}

/** What went against the work of one task after `since`. */
export async function failuresOfTask(db: Db, of: Of, since: number): Promise<Failure[]> {
  const submissions = await db
    .selectFrom('submissions')
    .select(['id', 'commit_id'])
    .where('task', '=', of.id)
    .orderBy('id', 'desc')
    .limit(50)
    .execute();
  return sorted([
    ...(await failuresOfChanges(db, submissions, since)),
    ...(await rejectedArtifacts(db, { id: of.id, pipeline: null }, since)),
  ]);
}

async function failuresOfChanges(
  db: Db,
  submissions: readonly Pick<Row<'submissions'>, 'id' | 'commit_id'>[],
  since: number,
): Promise<Failure[]> {
  if (submissions.length === 0) return [];
  const commits = submissions.map(({ commit_id }) => commit_id);
  const gates = await db
    .selectFrom('gate_results')
    .select(['gate', 'digest', 'log', 'created_at'])
    .where('commit_id', 'in', commits)
    .where('closed', '=', 0)
    .where('created_at', '>', since)
    .orderBy('id', 'desc')
    .limit(MOST_OF_A_KIND)
    .execute();
  const verdicts = await db
    .selectFrom('verdicts')
    .select(['digest', 'reasons', 'created_at'])
    .where('commit_id', 'in', commits)
    .where('verdict', '=', 'FAIL')
    .where('created_at', '>', since)
    .orderBy('id', 'desc')
    .limit(MOST_OF_A_KIND)
    .execute();
  const reviews = await db
    .selectFrom('reviews')
    .select(['digest', 'body', 'created_at'])
    .where('subject', '=', 'change')
    .where(
      'target',
      'in',
      submissions.map(({ id }) => id),
    )
    .where('verdict', '=', 'reject')
    .where('created_at', '>', since)
    .orderBy('id', 'desc')
    .limit(MOST_OF_A_KIND)
    .execute();
  return [
    ...gates.map((row) => failure('gate', row.digest, row.log, row.created_at)),
    ...verdicts.map((row) =>
      failure('verdict', row.digest, (JSON.parse(row.reasons) as string[]).join('\n'), row.created_at),
    ),
    ...reviews.map((row) => failure('review', row.digest, findings(row.body), row.created_at)),
  ];
}

async function rejectedArtifacts(db: Db, of: Of, since: number): Promise<Failure[]> {
  const rows = await (of.pipeline === null
    ? rejectedOfTask(db, { id: of.id, since })
    : rejectedOfPipeline(db, { id: of.pipeline, since }));
  return rows.map((row) => failure('review', row.digest, row.body, row.created_at));
}

const rejectedOf = (column: 'artifacts.task' | 'artifacts.pipeline') =>
  prepared<{ id: number; since: number }>()((db, value) =>
    db
      .selectFrom('artifacts')
      .innerJoin('reviews', (join) =>
        join.onRef('reviews.target', '=', 'artifacts.id').on('reviews.subject', '=', sql.lit('artifact')),
      )
      .select(['reviews.digest', 'reviews.body', 'reviews.created_at'])
      .where(column, '=', unplanned.integer(value('id')))
      .where('reviews.verdict', '=', sql.lit('reject'))
      .where('reviews.created_at', '>', unplanned.integer(value('since')))
      .orderBy('reviews.id', 'desc')
      .limit(sql.lit(MOST_OF_A_KIND)),
  );
const rejectedOfTask = rejectedOf('artifacts.task');
const rejectedOfPipeline = rejectedOf('artifacts.pipeline');

const failure = (kind: Failure['kind'], digest: string, text: string, at: number): Failure => ({
  kind,
  digest,
  text,
  at,
});

/** A review of a change keeps its findings as JSON; a line each is what people read and signatures are made of. */
function findings(body: string): string {
  const { summary = '', findings = [] } = JSON.parse(body) as {
    summary?: string;
    findings?: { file: string; line?: number; text: string }[];
  };
  return [...findings.map(({ file, line = 0, text }) => `${file}:${line}: ${text}`), summary].join('\n');
}

const sorted = (failures: Failure[]) => failures.sort((one, other) => other.at - one.at);
