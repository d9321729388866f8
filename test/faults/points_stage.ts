import { generateKeyPairSync } from 'node:crypto';
import { cp, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, stringify } from 'yaml';
import { gitAs } from '../../rehearsal/stage.ts';
import { textToSign } from '../../servers/core/checkpoints.ts';
import {
  applyFirstDefinition,
  enrol,
  readDefinition,
  writeDefinition,
} from '../../servers/core/factory/create.ts';
import { QA_GATES } from '../../servers/core/gates.ts';
import { advanceMain } from '../../servers/core/git/advance.ts';
import { createAuthority, headOfMain } from '../../servers/core/git/authority.ts';
import { candidate } from '../../servers/core/git/candidate.ts';
import { changes } from '../../servers/core/git/changes.ts';
import type { Repo } from '../../servers/core/git/git.ts';
import { takeIn } from '../../servers/core/git/intake.ts';
import { openServices } from '../../servers/core/open.ts';
import { importLayer } from '../../servers/core/sandbox/dependencies.ts';
import type { Services } from '../../servers/core/services.ts';
import { CHECKPOINT_NAMESPACE } from '../../servers/core/signing/checkpoint_text.ts';
import { toSshPublicKey } from '../../servers/core/signing/ssh_key.ts';
import { fingerprint, formatPublicKey, signSsh } from '../../servers/core/signing/sshsig.ts';
import { stopLocalRuntime } from '../../servers/core/target/local/local.ts';
import { keepCandidate } from '../../servers/repo/landing.ts';
import { insertSubmission, markMerged } from '../../servers/repo/queries.ts';
import { insertTask } from '../../servers/tasks/queries.ts';
import { acceptReview, gateResult } from '../deploy/evidence.ts';
import type { Change, ProductFactory } from '../deploy/product_factory.ts';
import { type Agent, startAgent, temporaryOf } from './points_agent.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PRODUCT = join(ROOT, 'rehearsal/product');
/** What is neither copied nor thrown away with a factory: read only, and large. */
const KEPT = 'layers';

/** A factory in which every operation is about to be done, in a folder that can be put back to that. */
export interface Stage {
  readonly home: string;
  readonly tasks: Readonly<Record<TaskName, string>>;
  /** The approved plan that is not applied. */
  readonly plan: string;
  /** The newest release, which is live. */
  readonly release: string;
  readonly checkpoint: string;
  /** The file with a human's signature that approves the checkpoint. */
  readonly signature: string;
  /** Puts everything back; no process of the factory may run. */
  reset(): Promise<void>;
  /** Ends the runtime of the local target. */
  stop(): Promise<void>;
  close(): Promise<void>;
}

/** The work that lies ready, by what it is there for. */
const WORK = {
  checkout: 'trend',
  complete: 'coo',
  submit: 'developer',
  gates: 'developer',
  memory: 'growth',
  merge: 'principal-engineer',
  apply: 'infra',
  release: 'infra',
  advance: 'infra',
} as const;
type TaskName = keyof typeof WORK;

/**
 * Builds the factory under `folder`, where temporary files of this process go too until `close`; with the tools
 * themselves where they are what leaves the rows. Without `served`, nothing was released and nothing can be.
 */
export async function setStage(folder: string, { served = true } = {}): Promise<Stage> {
  const home = join(folder, 'millwright', 'shop');
  await mkdir(temporaryOf(home), { recursive: true });
  const before = process.env.TMPDIR;
  process.env.TMPDIR = temporaryOf(home);
  const services = await openServices(home, { log: () => {} });
  try {
    const made = await fill(services, folder, served);
    await stopLocalRuntime(join(home, 'targets', 'local'));
    await nothingHeld(services);
    await services.close();
    const spare = join(folder, 'spare');
    await copy(home, spare);
    const stop = async () => void (await stopLocalRuntime(join(home, 'targets', 'local')));
    return {
      ...made,
      home,
      stop,
      async reset() {
        await stop();
        for (const name of await readdir(home))
          if (name !== KEPT) await rm(join(home, name), { recursive: true, force: true });
        await rm(temporaryOf(home), { recursive: true });
        await mkdir(temporaryOf(home));
        await copy(spare, home);
      },
      async close() {
        await stop();
        if (before === undefined) delete process.env.TMPDIR;
        else process.env.TMPDIR = before;
      },
    };
  } catch (error) {
    await services.close();
    throw error;
  }
}

/** What ended sessions held is given back by the sweeper, a moment later. */
async function nothingHeld({ store }: Services): Promise<void> {
  const held = store.db.selectFrom('leases').select('subject').where('holder', 'is not', null).limit(1);
  while (await held.executeTakeFirst()) await store.changed(1000);
}

const copy = (from: string, to: string) =>
  cp(from, to, { recursive: true, filter: (path) => path !== join(from, KEPT), preserveTimestamps: true });

/** The change with a migration, which fails when it is applied twice. */
const MIGRATES = 'third';
const MIGRATION = 'CREATE TABLE more (id INTEGER PRIMARY KEY);\n';

/** What the making of a stage works with. */
interface Making {
  services: Services;
  bare: Repo;
  product: Product;
  agent(name: string): Promise<Agent>;
}

interface Submitted extends Change {
  task: number;
  pipeline: number;
}

async function fill(services: Services, folder: string, served: boolean) {
  const { home } = services.paths;
  const files = await readDefinition('c-suite');
  const factory = parse(files['factory.yaml'] ?? '');
  factory.memory.required = false;
  factory.merge = { needs: ['docs', 'scan', 'review', 'qa'] };
  const definition = { ...files, 'factory.yaml': stringify(factory) };
  await writeDefinition(home, definition);
  await applyFirstDefinition(services, definition, 'initial');
  for (const name of new Set(['ceo', 'cto', 'qa', ...Object.values(WORK)])) await enrol(services, name);

  const product = await productIn(join(folder, 'product'));
  const seed = { path: product.folder, commit: await product.commit('base', 'base') };
  const bare = await createAuthority(home, { seed });
  await importLayer(join(ROOT, 'node_modules'), {
    lockfileDir: product.folder,
    store: services.paths.layers,
  });
  await mkdir(join(services.paths.targets, 'local', 'resources'), { recursive: true, mode: 0o700 });
  const agents = new Map<string, Agent>();
  const agent = async (name: string) => {
    const known = agents.get(name) ?? (await startAgent(home, name));
    agents.set(name, known);
    return known;
  };
  const at: Making = { services, bare, product, agent };
  try {
    if (served) await released(at, await merged(at, 'first'));
    const release = served ? await released(at, await merged(at, 'second')) : '';
    const toRelease = served ? await merged(at, MIGRATES) : undefined;
    const toMerge = await judged(at, await submitted(at, 'fourth'));
    const toGate = await submitted(at, 'fifth');
    const plan = await planned(at, toGate.pipeline, 'shop');
    const checkpoint = await asked(at, folder);
    const pipelines: Partial<Record<TaskName, number>> = {
      merge: toMerge.pipeline,
      ...(toRelease && { release: toRelease.pipeline, advance: toRelease.pipeline }),
    };
    const tasks: [string, string][] = [['gates', `T-${toGate.task}`]];
    for (const [name, role] of Object.entries(WORK) as [TaskName, string][]) {
      if (name === 'gates') continue;
      tasks.push([name, `T-${await newTask(services, role, pipelines[name] ?? null)}`]);
    }
    return {
      tasks: Object.fromEntries(tasks) as Record<TaskName, string>,
      plan,
      release,
      ...checkpoint,
    };
  } finally {
    for (const one of agents.values()) await one.close();
  }
}

interface Product {
  folder: string;
  /** Commits the product as it is after a build of the rehearsal, with a document of this name. */
  commit(build: 'base' | 'build-2', name: string): Promise<string>;
}

async function productIn(folder: string): Promise<Product> {
  await mkdir(folder, { recursive: true });
  const git = (...args: string[]) => gitAs('dev', folder, args);
  await git('init', '-q', '-b', 'main');
  return {
    folder,
    async commit(build, name) {
      for (const layer of new Set(['base', 'build-1', build])) {
        if (build === 'base' && layer !== 'base') continue;
        await cp(join(PRODUCT, layer), folder, { recursive: true });
      }
      await rename(join(folder, 'gitignore'), join(folder, '.gitignore'));
      await mkdir(join(folder, 'docs'), { recursive: true });
      await writeFile(join(folder, 'docs', `${name}.md`), `The ${name}.\n`);
      if (name === MIGRATES) await writeFile(join(folder, 'migrations', '0002_more.sql'), MIGRATION);
      await git('add', '-A');
      await git('commit', '-q', '-m', `The ${name}`);
      return (await git('rev-parse', 'HEAD')).trim();
    },
  };
}

const newTask = (services: Services, role: string, pipeline: number | null) =>
  services.store.transaction((tx) =>
    insertTask(tx, {
      title: 'Work',
      description: '',
      criteria: ['It holds'],
      stops: ['It does not'],
      role,
      priority: 1,
      needs: [],
      createdBy: 'ceo',
      now: services.clock.now(),
      ...(pipeline !== null && { pipeline }),
    }),
  );

/** A change of its own pipeline, taken in and put on mainline's head as change_submit does. */
async function submitted({ services, bare, product }: Making, name: string): Promise<Submitted> {
  const { db } = services.store;
  const now = services.clock.now();
  const { id: pipeline } = await db
    .insertInto('pipelines')
    .values({
      name: 'product',
      request: 'testimonials',
      definition: '{"phases":[]}',
      state: 'running',
      created_by: 'ceo',
      created_at: now,
      finished_at: null,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  const task = await newTask(services, 'developer', pipeline);
  const tip = await product.commit('build-2', name);
  await takeIn(bare, { clone: product.folder, commit: tip, ref: `refs/tasks/${task}/0/${tip}` });
  const main = await headOfMain(bare);
  const author = { name: 'developer', email: 'developer@localhost' };
  const made = await candidate(bare, main, tip, { message: `The ${name}\n`, author, at: new Date(now) });
  if (!('commit' in made)) throw new Error(`not a candidate: ${made.kind}`);
  const changed = await changes(bare, main, made.commit);
  const { commit, tree } = made;
  const row = {
    task,
    pipeline,
    fence: 0,
    ...(await keepCandidate(bare, { commit, tree }, main, changed)),
    agent: 'developer',
    root: 'root-of-developer',
    session: 'session-of-developer',
    created_at: now,
  };
  const submission = await services.store.transaction((tx) => insertSubmission(tx, row));
  return { commit, tree, submission, task, pipeline };
}

/** Has every condition of a change closed: gates and review as rows and statements, QA's verdict by its tool. */
async function judged(at: Making, change: Submitted): Promise<Submitted> {
  const { services } = at;
  const factory = { services } as ProductFactory;
  for (const gate of ['docs', 'scan', ...QA_GATES] as const) await gateResult(factory, change, gate);
  await acceptReview(factory, change);
  const qa = await at.agent('qa');
  await qa.ok('task_checkout', { task: `T-${await newTask(services, 'qa', change.pipeline)}` });
  const { verdict, reasons } = await qa.ok<{ verdict: string; reasons: string[] }>('qa_verdict', {
    criteria: [['gate:docs']],
  });
  if (verdict !== 'PASS') throw new Error(`the verdict is ${verdict}: ${reasons.join(', ')}`);
  await qa.ok('task_complete', { summary: 'the verdict is PASS' });
  return change;
}

/** A change on mainline, with the infrastructure that its release needs. */
async function merged(at: Making, name: string): Promise<Submitted> {
  const { services, bare } = at;
  const change = await judged(at, await submitted(at, name));
  await advanceMain(bare, await headOfMain(bare), change.commit);
  await services.store.transaction((tx) =>
    markMerged(tx, change.submission, change.commit, services.clock.now()),
  );
  const plan = await planned(at, change.pipeline, 'testimonials');
  await (await at.agent('infra')).ok('infra_apply', { plan });
  return change;
}

/** An approved plan of a pipeline. */
async function planned(at: Making, pipeline: number, product: string): Promise<string> {
  const [infra, cto] = [await at.agent('infra'), await at.agent('cto')];
  await infra.ok('task_checkout', { task: `T-${await newTask(at.services, 'infra', pipeline)}` });
  const resources = ['worker', 'd1'].map((kind) => ({ kind, name: product }));
  const { plan, digest } = await infra.ok<{ plan: string; digest: string }>('infra_propose', {
    product,
    target: 'local',
    resources,
  });
  await infra.ok('task_complete', { summary: 'proposed' });
  await cto.ok('infra_review', { plan, digest, verdict: 'accept', reasons: 'As the spec says.' });
  return plan;
}

async function released(at: Making, { pipeline }: Submitted): Promise<string> {
  const infra = await at.agent('infra');
  await infra.ok('task_checkout', { task: `T-${await newTask(at.services, 'infra', pipeline)}` });
  const { release } = await infra.ok<{ release: string }>('release_cut');
  await infra.ok('release_advance');
  await infra.ok('task_complete', { summary: `${release} answers` });
  return release;
}

/** An open checkpoint, and a human's signature that approves it. */
async function asked({ services, agent }: Making, folder: string) {
  const { db } = services.store;
  const { privateKey } = generateKeyPairSync('ed25519');
  const key = toSshPublicKey(privateKey, 'ada');
  await db
    .insertInto('humans')
    .values({
      name: 'ada',
      public_key: formatPublicKey(key),
      fingerprint: fingerprint(key),
      assurance: 'rehearsal',
      added_at: services.clock.now(),
      revoked_at: null,
    })
    .execute();
  const ceo = await agent('ceo');
  await ceo.ok('task_checkout', { task: `T-${await newTask(services, 'ceo', null)}` });
  const { artifact } = await ceo.ok<{ artifact: string }>('artifact_put', {
    name: 'brief',
    body: 'Build it',
  });
  const { checkpoint } = await ceo.ok<{ checkpoint: string }>('checkpoint_request', {
    name: 'brief',
    title: 'Build it?',
    artifact,
  });
  const { factory } = await services.factory();
  const text = await textToSign(db, factory.factory, Number(checkpoint.slice(2)), 'approve');
  const signature = join(folder, 'signature');
  await writeFile(signature, signSsh(text, privateKey, CHECKPOINT_NAMESPACE));
  return { checkpoint, signature };
}
