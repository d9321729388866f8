import { join } from 'node:path';
import { latestSubmission } from '../../servers/core/conditions.ts';
import { pipelineSchema, type Step } from '../../servers/core/factory/pipeline.ts';
import { cloneForAttempt } from '../../servers/core/git/attempt.ts';
import { createAuthority, headOfMain } from '../../servers/core/git/authority.ts';
import { candidate } from '../../servers/core/git/candidate.ts';
import { changes, diffDigest } from '../../servers/core/git/changes.ts';
import type { Repo } from '../../servers/core/git/git.ts';
import { takeIn } from '../../servers/core/git/intake.ts';
import type { Row } from '../../servers/core/store/schema.ts';
import { AT, commitIn, landing } from '../core/git/harness.ts';
import { type Agent, type FactoryOptions, startFactory, type TestFactory } from '../harness.ts';

/** A product whose one test passes. */
export const PRODUCT = {
  'package.json': JSON.stringify({ name: 'product', type: 'module', scripts: { test: 'node --test' } }),
  'src/index.js': "import { add } from './add.js';\nconsole.log(add(1, 1));\n",
  'src/add.js': 'export const add = (a, b) => a + b;\n',
  'test/add.test.js':
    "import test from 'node:test';\nimport assert from 'node:assert';\nimport { add } from '../src/add.js';\ntest('adds', () => assert.equal(add(1, 2), 3));\n",
  'README.md': '# Product\n',
};

export type Files = Record<string, string | null>;

export interface GateSite extends TestFactory {
  readonly authority: Repo;
  /** Takes a change in as change_submit does, for the task the agent holds. */
  submit(agent: Agent, files: Files): Promise<Row<'submissions'>>;
}

/** A factory with a mainline that holds `files`, and the servers gates and tasks. */
export async function gateSite(
  options: FactoryOptions & { files?: Record<string, string> } = {},
): Promise<GateSite> {
  const { files = PRODUCT, ...rest } = options;
  const factory = await startFactory({ servers: ['tasks', 'gates'], ...rest });
  const initial = Object.entries(files).map(([path, content]) => ({ path, content }));
  const authority = await createAuthority(factory.services.paths.git, { initial, message: 'Start', at: AT });
  let clones = 0;
  return {
    ...factory,
    authority,
    async submit(agent, changed) {
      const { db } = factory.services.store;
      const session = await db
        .selectFrom('sessions')
        .selectAll()
        .where('agent', '=', agent.name)
        .orderBy('opened_at', 'desc')
        .where('task', 'is not', null)
        .executeTakeFirstOrThrow();
      const task = await db
        .selectFrom('tasks')
        .selectAll()
        .where('id', '=', session.task as number)
        .executeTakeFirstOrThrow();
      const dir = join(factory.home, `clone-${++clones}`);
      await cloneForAttempt(authority, dir, {
        branch: 'work',
        user: { name: 'Dev', email: 'dev@example.com' },
      });
      const tip = await commitIn(dir, changed);
      await takeIn(authority, { clone: dir, commit: tip, ref: `refs/tasks/${task.id}/${clones}` });
      const main = await headOfMain(authority);
      const made = await candidate(authority, main, tip, landing('Change'));
      if (made.kind !== 'fast-forward') throw new Error(`not a candidate: ${made.kind}`);
      await db
        .insertInto('submissions')
        .values({
          task: task.id,
          pipeline: task.pipeline,
          fence: session.fence as number,
          commit_id: made.commit,
          tree_id: made.tree,
          base_commit: main,
          diff_digest: diffDigest(await changes(authority, main, made.commit)),
          agent: session.agent,
          root: session.root,
          session: session.id,
          created_at: factory.services.clock.now(),
          merged_commit: null,
          merged_at: null,
        })
        .execute();
      const submission = await latestSubmission(db, { pipeline: task.pipeline, task: task.id });
      if (!submission) throw new Error('the submission is missing');
      return submission;
    },
  };
}

const WORK = { criteria: ['It holds'], stops: ['It does not'] };

/** An agent that holds a new single task of its role. */
export async function worker(factory: TestFactory, name: string, role = name): Promise<Agent> {
  const ceo = await factory.agent('ceo');
  const { task } = await ceo.ok<{ task: string }>('task_create', { ...WORK, title: 'Work', role });
  const agent = await factory.agent(name);
  await agent.ok('task_checkout', { task });
  return agent;
}

/** The refusals in the record, as `rule tool`. */
export const refusedRules = async (factory: TestFactory) =>
  (
    await factory.services.store.db
      .selectFrom('activity')
      .select(['rule', 'tool'])
      .where('event', '=', 'refused')
      .orderBy('seq')
      .execute()
  ).map(({ rule, tool }) => `${rule} ${tool}`);

/** An agent that holds the one task of a new pipeline, whose step is as given. */
export async function stepWorker(factory: TestFactory, name: string, step: Partial<Step>): Promise<Agent> {
  const { db } = factory.services.store;
  const agent = await worker(factory, name);
  const only = { id: 'only', role: name, title: 'Work', ...WORK, ...step };
  const definition = pipelineSchema.parse({
    pipeline: 'short',
    title: 'One step',
    phases: [{ id: 'one', name: 'One', on_failure: 'one', steps: [only] }],
  });
  const run = await db
    .insertInto('pipelines')
    .values({
      name: 'short',
      request: 'Do it',
      definition: JSON.stringify(definition),
      state: 'running',
      created_by: 'ceo',
      created_at: factory.clock.now(),
      finished_at: null,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  const session = db
    .selectFrom('sessions')
    .select('task')
    .where('agent', '=', name)
    .where('task', 'is not', null);
  await db
    .updateTable('tasks')
    .set({ pipeline: run.id, phase: 'one', step: 'only' })
    .where('id', 'in', session)
    .execute();
  return agent;
}
