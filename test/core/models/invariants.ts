import { expect } from 'vitest';
import type { Row } from '../../../servers/core/store/schema.ts';
import { LINE } from './line.ts';
import type { Machine } from './machine.ts';
import type { Model } from './pipeline_model.ts';

const LIVE = ['waiting', 'ready', 'active', 'blocked'];
const STARTED = ['ready', 'active', 'done'];

/** The whole store is as the model has it, and what must always hold of it holds, whatever the model says. */
export async function expectWhole(model: Model, real: Machine): Promise<void> {
  const { db } = real.services.store;
  const tasks = await db.selectFrom('tasks').selectAll().orderBy('id').execute();
  const pipelines = await db.selectFrom('pipelines').select(['id', 'state']).orderBy('id').execute();
  const leases = await db.selectFrom('leases').selectAll().where('kind', '=', 'task').execute();
  const leaseOf = new Map(leases.map((lease) => [lease.subject, lease]));
  const seen = tasks.map(({ id, pipeline, phase, step, round, state, lapses }) => ({
    ...{ id, pipeline, phase, step, round, state, lapses },
    ...{ holder: leaseOf.get(id)?.holder ?? undefined, fence: leaseOf.get(id)?.fence ?? 0 },
  }));
  const wanted = model.tasks.map(({ role, needs, endsAt, readyAt, holder, ...rest }) => ({
    ...rest,
    holder,
  }));
  expect(seen).toEqual(wanted);
  expect(pipelines).toEqual(model.pipelines);
  const asked = await db.selectFrom('checkpoints').select(['id', 'state']).orderBy('id').execute();
  expect(asked).toEqual(model.questions.map(({ id, state }) => ({ id, state })));
  await expectSound(real, tasks, pipelines);
}

async function expectSound(
  { services: { store } }: Machine,
  tasks: readonly Row<'tasks'>[],
  pipelines: readonly Pick<Row<'pipelines'>, 'id' | 'state'>[],
): Promise<void> {
  const links = await store.db.selectFrom('task_links').selectAll().execute();
  expect(
    links.filter(({ task, needs }) => needs >= task),
    'a task that needs a later one',
  ).toEqual([]);
  const byId = new Map(tasks.map((task) => [task.id, task]));
  const started = (id: number) => STARTED.includes(byId.get(id)?.state ?? '');
  const early = links.filter(({ task, needs }) => started(task) && byId.get(needs)?.state !== 'done');
  expect(early, 'started before what it needs').toEqual([]);

  const live = tasks.filter(({ state }) => LIVE.includes(state));
  const places = live.map(({ pipeline, step }) => `${pipeline} ${step}`);
  expect(new Set(places).size, 'two live tasks for one step').toBe(places.length);
  expect(tasks.filter(({ round }) => round > LINE.rounds)).toEqual([]);
  const over = new Set(pipelines.filter(({ state }) => state !== 'running').map(({ id }) => id));
  expect(
    live.filter(({ pipeline }) => over.has(pipeline ?? 0)),
    'live in an ended pipeline',
  ).toEqual([]);

  for (const { pipeline, phase } of tasks.filter(({ state }) => STARTED.includes(state))) {
    if (phase === 'build' || phase === 'ship') expect(await isApproved(store.db, pipeline), phase).toBe(true);
    if (phase === 'ship') expect(await isAccepted(store.db, pipeline), phase).toBe(true);
  }
}

type Db = Machine['services']['store']['db'];

/** The human approved the very brief that is the newest. */
async function isApproved(db: Db, pipeline: number | null): Promise<boolean> {
  const brief = await newest(db, pipeline, 'brief');
  const rows = db
    .selectFrom('checkpoints')
    .select('digest')
    .where('pipeline', '=', pipeline)
    .where('state', '=', 'approved');
  return (await rows.execute()).some(({ digest }) => digest === brief?.digest);
}

/** Somebody else accepted the very draft that is the newest. */
async function isAccepted(db: Db, pipeline: number | null): Promise<boolean> {
  const draft = await newest(db, pipeline, 'draft');
  const last = await db
    .selectFrom('reviews')
    .selectAll()
    .where('target', '=', draft?.id ?? 0)
    .orderBy('id', 'desc')
    .executeTakeFirst();
  return last?.verdict === 'accept' && last.agent !== draft?.agent;
}

const newest = (db: Db, pipeline: number | null, name: string) =>
  db
    .selectFrom('artifacts')
    .selectAll()
    .where('pipeline', '=', pipeline)
    .where('name', '=', name)
    .orderBy('id', 'desc')
    .executeTakeFirst();
