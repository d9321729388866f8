import type { Agent, TestFactory } from '../harness.ts';

export const WORK = { title: 'Ship it', criteria: ['It answers'], stops: ['It does not start'] };
export const REQUEST = 'A page that collects testimonials.';

/** Creates a task for `role` and returns its id. */
export async function create(ceo: Agent, role: string, more: Record<string, unknown> = {}): Promise<string> {
  return (await ceo.ok<{ task: string }>('task_create', { ...WORK, role, ...more })).task;
}

/** Takes and completes the next task of a role; the step must ask for nothing. */
export async function pass(agent: Agent): Promise<void> {
  await agent.ok('task_checkout');
  await agent.ok('task_complete', { summary: 'Done and seen.' });
}

export async function sessionOf(factory: TestFactory, agent: string) {
  return factory.services.store.db
    .selectFrom('sessions')
    .selectAll()
    .where('agent', '=', agent)
    .orderBy('opened_at', 'desc')
    .executeTakeFirstOrThrow();
}

/** Leaves an artifact on the task an agent holds, as artifact_put would. Returns its id. */
export async function leave(
  factory: TestFactory,
  agent: string,
  name: string,
  body: string,
): Promise<number> {
  const { db } = factory.services.store;
  const session = await sessionOf(factory, agent);
  const task = await db
    .selectFrom('tasks')
    .selectAll()
    .where('id', '=', Number(session.task))
    .executeTakeFirstOrThrow();
  const { id } = await db
    .insertInto('artifacts')
    .values({
      task: task.id,
      pipeline: task.pipeline,
      name,
      media: 'text/markdown',
      digest: `digest of ${body}`,
      size: body.length,
      body,
      session: session.id,
      agent,
      root: session.root,
      fence: session.fence,
      created_at: factory.clock.now(),
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  return id;
}

/** The judgement of an artifact by an agent, as artifact_review would leave it. */
export async function judge(
  factory: TestFactory,
  agent: string,
  artifact: number,
  verdict: 'accept' | 'reject',
) {
  const { id, root } = await sessionOf(factory, agent);
  await factory.services.store.db
    .insertInto('reviews')
    .values({
      subject: 'artifact',
      target: artifact,
      digest: 'x',
      verdict,
      body: 'Read.',
      task: null,
      session: id,
      agent,
      root,
      created_at: factory.clock.now(),
    })
    .execute();
}

/** The human's decision over an artifact, as it stands in the store after `approve`. */
export async function decide(
  factory: TestFactory,
  name: string,
  artifact: number,
  state: 'open' | 'approved' | 'rejected',
) {
  const { db } = factory.services.store;
  const { digest, pipeline } = await db
    .selectFrom('artifacts')
    .selectAll()
    .where('id', '=', artifact)
    .executeTakeFirstOrThrow();
  await db
    .insertInto('checkpoints')
    .values({
      name,
      title: name,
      artifact,
      digest,
      pipeline,
      task: null,
      requested_by: 'ceo',
      requested_at: factory.clock.now(),
      expires_at: factory.clock.now() + 3_600_000,
      nonce: `${name}${state}`,
      state,
      human: null,
      assurance: null,
      signature: null,
      decided_at: null,
    })
    .execute();
}

/** State of each task of the factory, by id. */
export async function states(agent: Agent): Promise<Record<string, string>> {
  const { tasks } = await agent.ok<{ tasks: { task: string; state: string }[] }>('task_list', { limit: 50 });
  return Object.fromEntries(tasks.map(({ task, state }) => [task, state]));
}

/** A human's stop, as `millwright stop` leaves it. */
export async function stop(factory: TestFactory, scope: string): Promise<void> {
  await factory.services.store.db
    .insertInto('kills')
    .values({ scope, reason: 'too dear', at: factory.clock.now() })
    .execute();
}
