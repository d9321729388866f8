import type { HeldTask } from '../core/held.ts';
import type { Session } from '../core/identity.ts';
import { sha256Hex } from '../core/signing/canonical.ts';
import { prepared, unplanned } from '../core/store/prepared.ts';
import type { Row } from '../core/store/schema.ts';
import type { Db, Tx } from '../core/store/store.ts';

/** The newest artifact of each name, in a pipeline or on a single task. */
export async function latestArtifacts(
  db: Db,
  of: { pipeline: number | null; task: number },
  names: readonly string[],
) {
  if (names.length === 0) return [];
  const scope = of.pipeline === null ? (['task', of.task] as const) : (['pipeline', of.pipeline] as const);
  return db
    .selectFrom('artifacts')
    .selectAll()
    .where('id', 'in', (eb) =>
      eb
        .selectFrom('artifacts')
        .select((e) => e.fn.max<number>('id').as('id'))
        .where(scope[0], '=', scope[1])
        .where('name', 'in', names)
        .groupBy('name'),
    )
    .orderBy('id')
    .execute();
}

/** Artifacts handed to one task besides those its step names: the report that sent it back, for example. */
export const extraInputs = (db: Db, task: number) => inputsOf(db, { task });

const inputsOf = prepared<{ task: number }>()((db, value) =>
  db
    .selectFrom('task_inputs')
    .innerJoin('artifacts', 'artifacts.id', 'task_inputs.artifact')
    .selectAll('artifacts')
    .where('task_inputs.task', '=', unplanned.integer(value('task')))
    .orderBy('artifacts.id'),
);

export const taskArtifacts = (db: Db, task: number) =>
  db
    .selectFrom('artifacts')
    .select(['id', 'name', 'size', 'agent'])
    .where('task', '=', task)
    .orderBy('id')
    .limit(30)
    .execute();

/** The newest artifact of each name that the present holder of a task left on it. */
export async function leftUnderFence(
  db: Db,
  task: Pick<HeldTask, 'id' | 'fence'>,
): Promise<Map<string, Row<'artifacts'>>> {
  const rows = await db
    .selectFrom('artifacts')
    .selectAll()
    .where('task', '=', task.id)
    .where('fence', '=', task.fence)
    .orderBy('id')
    .execute();
  return new Map(rows.map((row) => [row.name, row]));
}

/** The document a new round starts from: what the failed task left last, or else its own words. */
export async function failureReport(
  tx: Tx,
  task: HeldTask,
  session: Session,
  why: string,
  now: number,
): Promise<number> {
  const left = await tx
    .selectFrom('artifacts')
    .select('id')
    .where('task', '=', task.id)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (left) return left.id;
  const { id } = await tx
    .insertInto('artifacts')
    .values({
      task: task.id,
      pipeline: task.pipeline,
      name: 'report',
      media: 'text/markdown',
      digest: sha256Hex(why),
      size: Buffer.byteLength(why),
      body: why,
      session: session.id,
      agent: session.agent,
      root: session.root,
      fence: task.fence,
      created_at: now,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  return id;
}

/** Hands an artifact to tasks besides those their steps name. */
export async function handOver(tx: Tx, tasks: readonly number[], artifact: number): Promise<void> {
  await tx
    .insertInto('task_inputs')
    .values(tasks.map((task) => ({ task, name: 'report', artifact })))
    .execute();
}
