import { cp, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { onTestFinished } from 'vitest';
import { advanceMain } from '../../servers/core/git/advance.ts';
import { createAuthority, headOfMain, openAuthority } from '../../servers/core/git/authority.ts';
import { takeIn } from '../../servers/core/git/intake.ts';
import { parentsOf, treeOf } from '../../servers/core/git/objects.ts';
import { importLayer } from '../../servers/core/sandbox/dependencies.ts';
import { sha256Hex } from '../../servers/core/signing/canonical.ts';
import type { Row } from '../../servers/core/store/schema.ts';
import { stopLocalRuntime } from '../../servers/core/target/local/local.ts';
import { insertTask } from '../../servers/tasks/queries.ts';
import { type Agent, startFactory, type TestFactory } from '../harness.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PRODUCT = join(ROOT, 'rehearsal/product');

export type Stage = 'base' | 'build-1' | 'build-2';
const STAGES: Record<Stage, Stage[]> = {
  base: ['base'],
  'build-1': ['base', 'build-1'],
  'build-2': ['base', 'build-1', 'build-2'],
};

/** By path; null takes a file out. */
export type Files = Record<string, string | null>;

export interface Change {
  commit: string;
  tree: string;
  submission: number;
}

export interface ProductFactory extends TestFactory {
  /** A new pipeline's id. */
  pipeline(): Promise<number>;
  /** A task of a pipeline in the hands of a new session of an agent. */
  holding(agent: string, pipeline: number | null): Promise<Agent>;
  /** Submits the product as it stands after a stage, with files written over it, or taken out. */
  submit(pipeline: number | null, stage: Stage, files?: Files): Promise<Change>;
  /** Moves mainline to a change. */
  merge(change: Change): Promise<void>;
}

/** A factory whose mainline holds the rehearsal's product, with its dependencies at hand and real time; `change` edits its definition. */
export async function startProductFactory(
  servers: string[],
  change: (definition: { gates: Record<string, unknown> }) => void = () => undefined,
): Promise<ProductFactory> {
  const factory = await startFactory({
    servers: ['tasks', ...servers],
    realTime: true,
    change: (definition: Record<string, unknown>) => {
      change(definition as Parameters<typeof change>[0]);
      definition.merge = { needs: ['docs', 'scan', 'review', 'qa'] };
    },
  });
  const { home, services } = factory;
  onTestFinished(async () => void (await stopLocalRuntime(join(home, 'targets', 'local'))));
  const repository = await mkdtemp(join(tmpdir(), 'millwright-product-'));
  onTestFinished(() => rm(repository, { recursive: true, force: true }));
  const git = async (...args: string[]) => {
    const identity = [
      '-c',
      'user.name=dev',
      '-c',
      'user.email=dev@example.com',
      '-c',
      'commit.gpgsign=false',
    ];
    return (await execa('git', [...identity, ...args], { cwd: repository })).stdout.trim();
  };
  const layOut = async (stage: Stage, files: Files) => {
    for (const layer of STAGES[stage]) await cp(join(PRODUCT, layer), repository, { recursive: true });
    await rename(join(repository, 'gitignore'), join(repository, '.gitignore'));
    for (const [path, text] of Object.entries(files))
      await (text === null ? rm(join(repository, path)) : writeFile(join(repository, path), text));
    await git('add', '-A');
    await git('commit', '-q', '--allow-empty', '-m', `The product, ${stage}`);
    return git('rev-parse', 'HEAD');
  };

  await git('init', '-q', '-b', 'main');
  await createAuthority(home, { seed: { path: repository, commit: await layOut('base', {}) } });
  await importLayer(join(ROOT, 'node_modules'), { lockfileDir: repository, store: services.paths.layers });
  let fence = 0;

  const newTask = (role: string, pipeline: number | null) =>
    services.store.transaction((tx) =>
      insertTask(tx, {
        title: 'Work',
        description: '',
        criteria: ['It holds'],
        stops: ['It does not'],
        role,
        priority: 1,
        needs: [],
        createdBy: 'test',
        now: services.clock.now(),
        ...(pipeline !== null && { pipeline }),
      }),
    );

  return {
    ...factory,
    async pipeline() {
      const run = {
        name: 'product',
        request: 'testimonials',
        definition: '{"phases":[]}',
        state: 'running' as const,
        created_by: 'test',
        created_at: 0,
        finished_at: null,
      };
      const { id } = await services.store.db
        .insertInto('pipelines')
        .values(run)
        .returning('id')
        .executeTakeFirstOrThrow();
      return id;
    },

    async holding(name, pipeline) {
      const agent = await factory.agent(name);
      const role = name === 'developer-2' ? 'developer' : name;
      await agent.ok('task_checkout', { task: `T-${await newTask(role, pipeline)}` });
      return agent;
    },

    async submit(pipeline, stage, files = {}) {
      const commit = await layOut(stage, files);
      const authority = await openAuthority(home);
      fence += 1;
      const task = await newTask('developer', pipeline);
      await takeIn(authority, { clone: repository, commit, ref: `refs/tasks/${task}/${fence}` });
      const [base = ''] = await parentsOf(authority, commit);
      const tree = await treeOf(authority, commit);
      const row: Omit<Row<'submissions'>, 'id'> = {
        task,
        pipeline,
        fence,
        commit_id: commit,
        tree_id: tree,
        base_commit: base,
        diff_digest: sha256Hex(`${base} ${tree}`),
        agent: 'developer',
        root: 'root-of-developer',
        session: 'developer-session',
        created_at: services.clock.now(),
        merged_commit: null,
        merged_at: null,
      };
      const { id } = await services.store.db
        .insertInto('submissions')
        .values(row)
        .returning('id')
        .executeTakeFirstOrThrow();
      return { commit, tree, submission: id };
    },

    async merge({ commit, submission }) {
      const authority = await openAuthority(home);
      await advanceMain(authority, await headOfMain(authority), commit);
      await services.store.db
        .updateTable('submissions')
        .set({ merged_commit: commit, merged_at: services.clock.now() })
        .where('id', '=', submission)
        .execute();
    },
  };
}

/** A source file of the product after a stage. */
export const sourceOf = (stage: Stage, path: string) => readFile(join(PRODUCT, stage, path), 'utf8');
