import { createHash } from 'node:crypto';
import { roleFor } from '../servers/core/factory/parse.ts';
import { findTask } from '../servers/core/held.ts';
import { releaseLease } from '../servers/core/leases.ts';
import type { Services } from '../servers/core/services.ts';
import type { Row } from '../servers/core/store/schema.ts';
import { addRound } from '../servers/tasks/pipelines.ts';
import { insertPipeline, pipelineTasks } from '../servers/tasks/pipelines_queries.ts';
import { finishTask, insertTask } from '../servers/tasks/queries.ts';
import type { Scenario } from './scenario.ts';

/**
 * The task of a scenario's brief, ready to be taken: a step of a running pipeline whose earlier steps are done, or a
 * single task; its inputs lie where the brief will find them. Throws an Error for a step that no pipeline has.
 */
export async function addWork(services: Services, { role, id, brief }: Scenario): Promise<Row<'tasks'>> {
  const task =
    brief.step === undefined ? await single(services, role, brief) : await stepped(services, id, brief);
  for (const [name, body] of Object.entries(brief.inputs)) await addInput(services, task, name, body);
  return task;
}

type Brief = Scenario['brief'];

async function single(services: Services, role: string, brief: Brief): Promise<Row<'tasks'>> {
  const { title = 'Do what the message asks', description, criteria, stops } = brief;
  const id = await addTask(services, { role, title, pipeline: null, description, criteria, stops });
  return (await findTask(services.store.db, id)) as Row<'tasks'>;
}

/** A single task, or one more of a pipeline. Returns its number. */
export async function addTask(
  services: Services,
  {
    role,
    title,
    pipeline,
    description = '',
    criteria = ['It holds'],
    stops = ['It cannot hold'],
  }: {
    role: string;
    title: string;
    pipeline: number | null;
    description?: string;
    criteria?: string[];
    stops?: string[];
  },
): Promise<number> {
  const now = services.clock.now();
  const of = { title, description, criteria, stops, role, priority: 20, needs: [], createdBy: 'ceo', now };
  return services.store.transaction((tx) =>
    insertTask(tx, { ...of, ...(pipeline !== null && { pipeline }) }),
  );
}

/** Ends a task as if it had been handed in. */
export async function doneTask(services: Services, id: number, outcome: string): Promise<void> {
  const now = services.clock.now();
  await services.store.transaction(async (tx) => {
    await releaseLease(tx, 'task', id);
    await finishTask(tx, id, 'done', outcome, now);
    await tx.updateTable('sessions').set({ task: null, fence: null }).where('task', '=', id).execute();
  });
}

async function stepped(services: Services, scenario: string, brief: Brief): Promise<Row<'tasks'>> {
  const [name = '', step = ''] = brief.step?.split('/') ?? [];
  const { factory, pipelines } = await services.factory();
  const definition = pipelines.get(name);
  const at = definition?.phases.findIndex(({ steps }) => steps.some(({ id }) => id === step)) ?? -1;
  if (!definition || at < 0) throw new Error(`${scenario}: there is no step ${brief.step}.`);
  const now = services.clock.now();
  const run = await services.store.transaction(async (tx) => {
    const of = {
      name,
      request: brief.request,
      definition: JSON.stringify(definition),
      createdBy: 'ceo',
      now,
    };
    const made = await insertPipeline(tx, of);
    const rows = { tx, factory, run: made, round: brief.round, createdBy: 'ceo', now };
    await addRound(rows, definition.phases.slice(at));
    return made;
  });
  const tasks = await pipelineTasks(services.store.db, run.id);
  const wanted = tasks.find((task) => task.step === step);
  if (!wanted) throw new Error(`${scenario}: ${brief.step} made no task.`);
  for (const { id } of tasks.filter((task) => task.id < wanted.id))
    await doneTask(services, id, 'Done and seen.');
  return (await findTask(services.store.db, wanted.id)) as Row<'tasks'>;
}

/** An artifact that somebody else left, among the inputs of the task. */
async function addInput(services: Services, task: Row<'tasks'>, name: string, body: string): Promise<void> {
  const { factory, pipelines } = await services.factory();
  const steps = [...pipelines.values()].flatMap(({ phases }) => phases.flatMap((phase) => phase.steps));
  const author = steps.find(({ writes }) => writes.includes(name))?.role ?? 'owner';
  const agent = roleFor(factory, author) ?? author;
  const { id } = await services.store.db
    .insertInto('artifacts')
    .values({
      task: null,
      pipeline: task.pipeline,
      name,
      media: 'text/markdown',
      digest: createHash('sha256').update(body).digest('hex'),
      size: Buffer.byteLength(body),
      body,
      session: 'earlier',
      agent,
      root: `root-of-${agent}`,
      fence: null,
      created_at: services.clock.now(),
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  if (task.pipeline !== null && isStepInput(steps, task.step, name)) return;
  await services.store.db.insertInto('task_inputs').values({ task: task.id, name, artifact: id }).execute();
}

const isStepInput = (
  steps: readonly { id: string; reads: readonly string[]; accepts: readonly string[] }[],
  step: string | null,
  name: string,
) => steps.some(({ id, reads, accepts }) => id === step && [...reads, ...accepts].includes(name));
