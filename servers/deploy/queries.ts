import type { Row } from '../core/store/schema.ts';
import type { Db, Tx } from '../core/store/store.ts';

type Release = Row<'releases'>;

/** What a release is about: a pipeline, or a task outside every pipeline. */
export interface Scope {
  pipeline: number | null;
  task: number;
}

/** Before single tasks, after those of pipelines. */
const FIX_PRIORITY = 30;
const SERVED = ['live', 'verified'] as const;

/** The submissions of a pipeline (of the task, if it is single), newest first, a bounded number. */
export const submissionsOf = (db: Db, { pipeline, task }: Scope) =>
  db
    .selectFrom('submissions')
    .selectAll()
    .where(pipeline === null ? 'task' : 'pipeline', '=', pipeline ?? task)
    .orderBy('id', 'desc')
    .limit(50)
    .execute();

export const findPipeline = (db: Db, id: number) =>
  db.selectFrom('pipelines').select('id').where('id', '=', id).executeTakeFirst();

/** The newest plan of a pipeline; for one that made none, the newest that was applied at all. */
export async function planFor(db: Db, pipeline: number | null): Promise<Row<'plans'> | undefined> {
  const newest = db.selectFrom('plans').selectAll().orderBy('id', 'desc').limit(1);
  const own =
    pipeline === null ? undefined : await newest.where('pipeline', '=', pipeline).executeTakeFirst();
  return own ?? newest.where('state', '=', 'applied').executeTakeFirst();
}

export const findPlan = (db: Db, id: number) =>
  db.selectFrom('plans').selectAll().where('id', '=', id).executeTakeFirst();

export const findRelease = (db: Db, id: number) =>
  db.selectFrom('releases').selectAll().where('id', '=', id).executeTakeFirst();

export const latestRelease = (db: Db, { pipeline, task }: Scope) =>
  db
    .selectFrom('releases')
    .selectAll()
    .where(pipeline === null ? 'task' : 'pipeline', '=', pipeline ?? task)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();

/** The newest releases, oldest of them first. */
export async function latestReleases(db: Db, limit: number): Promise<Release[]> {
  const rows = await db.selectFrom('releases').selectAll().orderBy('id', 'desc').limit(limit).execute();
  return rows.reverse();
}

/** The releases of a product, newest first, a bounded number. */
export const releasesOf = (db: Db, product: string) =>
  db
    .selectFrom('releases')
    .selectAll()
    .where('product', '=', product)
    .orderBy('id', 'desc')
    .limit(200)
    .execute();

/** The newest release of a product that is under way or served. */
export const currentOf = (db: Db, { product, target }: Pick<Release, 'product' | 'target'>) =>
  db
    .selectFrom('releases')
    .selectAll()
    .where('product', '=', product)
    .where('target', '=', target)
    .where('state', 'in', [...SERVED, 'cutting'])
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();

/** The first release of a product at a target, by which the product itself is held there. */
export async function firstReleaseOf(db: Db, { product, target }: Pick<Release, 'product' | 'target'>) {
  const { id } = await db
    .selectFrom('releases')
    .select('id')
    .where('product', '=', product)
    .where('target', '=', target)
    .orderBy('id')
    .limit(1)
    .executeTakeFirstOrThrow();
  return id;
}

/** What the product served before a release and can serve again. */
export const servedBefore = (db: Db, { id, product, target }: Pick<Release, 'id' | 'product' | 'target'>) =>
  db
    .selectFrom('releases')
    .selectAll()
    .where('product', '=', product)
    .where('target', '=', target)
    .where('state', 'in', SERVED)
    .where('id', '<', id)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();

/** A release of the same product that came later and took its place, or is about to. */
export const servedAfter = (db: Db, { id, product, target }: Pick<Release, 'id' | 'product' | 'target'>) =>
  db
    .selectFrom('releases')
    .select(['id', 'state'])
    .where('product', '=', product)
    .where('target', '=', target)
    .where('state', 'in', [...SERVED, 'cutting'])
    .where('id', '>', id)
    .limit(1)
    .executeTakeFirst();

const FRESH = {
  version: '',
  bundle: '',
  state: 'cutting',
  url: null,
  previous: null,
  evidence: null,
  step: null,
  health: null,
  checks: null,
} as const;

/** Adds a release that is being cut; its version has its own number, so that no two share a name. */
export async function insertRelease(
  tx: Tx,
  row: Pick<Release, 'product' | 'commit_id' | 'target' | 'pipeline' | 'task' | 'created_at'>,
): Promise<Release> {
  const { id } = await tx
    .insertInto('releases')
    .values({ ...row, ...FRESH })
    .returning('id')
    .executeTakeFirstOrThrow();
  const before = await servedBefore(tx, { ...row, id });
  return tx
    .updateTable('releases')
    .set({ version: `R${id}-${row.commit_id.slice(0, 12)}`, previous: before?.id ?? null })
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow();
}

export const saveRelease = (
  tx: Tx,
  id: number,
  change: Partial<Pick<Release, 'state' | 'url' | 'bundle' | 'evidence' | 'step' | 'health' | 'checks'>>,
) => tx.updateTable('releases').set(change).where('id', '=', id).execute();

type StepChange = Partial<Pick<Release, 'state' | 'url' | 'step' | 'checks' | 'evidence'>>;

/** Moves a release that is under way on from `expected`, its step so far. False when it is elsewhere already. */
export async function saveStep(
  tx: Tx,
  id: number,
  expected: Release['step'],
  change: StepChange,
): Promise<boolean> {
  const moved = await tx
    .updateTable('releases')
    .set(change)
    .where('id', '=', id)
    .where('state', '=', 'cutting')
    .where('step', expected === null ? 'is' : '=', expected)
    .returning('id')
    .executeTakeFirst();
  return moved !== undefined;
}

/** Adds a task, outside every pipeline, for what sent a release back. */
export async function insertFixTask(
  tx: Tx,
  task: { role: string; title: string; description: string; now: number },
): Promise<number> {
  const { role, title, description, now } = task;
  const { id } = await tx
    .insertInto('tasks')
    .values({
      title,
      description,
      criteria: JSON.stringify(['The cause is found and a test shows it', 'The change passes every gate']),
      stops: JSON.stringify(['The evidence does not tell what failed: task_block with what is missing']),
      role,
      priority: FIX_PRIORITY,
      state: 'ready',
      deps_left: 0,
      lapses: 0,
      ready_at: now,
      pipeline: null,
      phase: null,
      step: null,
      round: 1,
      workspace: null,
      outcome: null,
      created_by: 'server',
      created_at: now,
      finished_at: null,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  return id;
}

/** The newest checkpoint of a name over exactly this document. */
export const checkpointOver = (db: Db, name: string, digest: string) =>
  db
    .selectFrom('checkpoints')
    .select(['id', 'state'])
    .where('name', '=', name)
    .where('digest', '=', digest)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();

/** Asks a human about a document of the server's; returns the checkpoint. */
export async function insertQuestion(
  tx: Tx,
  { task, pipeline }: Pick<Release, 'task' | 'pipeline'>,
  asked: {
    name: string;
    title: string;
    body: string;
    digest: string;
    now: number;
    expires: number;
    nonce: string;
  },
): Promise<number> {
  const { name, title, body, digest, now, expires, nonce } = asked;
  const of = { task, pipeline };
  const by = { session: 'server', agent: 'server', root: 'server', fence: 0 };
  const size = Buffer.byteLength(body);
  const artifact = await tx
    .insertInto('artifacts')
    .values({ ...of, ...by, name, media: 'text/markdown', digest, size, body, created_at: now })
    .returning('id')
    .executeTakeFirstOrThrow();
  const open = { state: 'open', human: null, assurance: null, signature: null, decided_at: null } as const;
  const { id } = await tx
    .insertInto('checkpoints')
    .values({
      ...of,
      ...open,
      name,
      title,
      artifact: artifact.id,
      digest,
      requested_by: 'server',
      requested_at: now,
      expires_at: expires,
      nonce,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  return id;
}

/** The open job of a kind that is about a release, if there is one. */
export async function openJobOf(db: Db, kind: string, release: number): Promise<Row<'jobs'> | undefined> {
  const rows = await db
    .selectFrom('jobs')
    .selectAll()
    .where('kind', '=', kind)
    .where('state', 'in', ['queued', 'running'])
    .execute();
  return rows.find(({ input }) => (JSON.parse(input) as { release?: unknown }).release === release);
}

/** The newest `release.cut` job of a release. */
export async function cutJobOf(db: Db, release: number): Promise<Row<'jobs'> | undefined> {
  const rows = await db
    .selectFrom('jobs')
    .selectAll()
    .where('kind', '=', 'release.cut')
    .orderBy('id', 'desc')
    .limit(100)
    .execute();
  return rows.find(({ input }) => (JSON.parse(input) as { release?: unknown }).release === release);
}
