import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { resultOf } from '../servers/core/evidence.ts';
import { roleFor } from '../servers/core/factory/parse.ts';
import { insertGateResult } from '../servers/core/gate_results.ts';
import { MACHINE_GATES, QA_GATES } from '../servers/core/gates.ts';
import { headOfMain, openAuthority } from '../servers/core/git/authority.ts';
import { changes, diffDigest } from '../servers/core/git/changes.ts';
import { git } from '../servers/core/git/git.ts';
import { readRef, treeOf } from '../servers/core/git/objects.ts';
import { releaseLease } from '../servers/core/leases.ts';
import type { Services } from '../servers/core/services.ts';
import { canonicalJson, sha256Hex } from '../servers/core/signing/canonical.ts';
import type { Row } from '../servers/core/store/schema.ts';
import { setState } from '../servers/tasks/queries.ts';
import type { AgentSession } from './connect.ts';
import type { Scenario } from './scenario.ts';
import type { StateName } from './state_names.ts';
import { addTask, doneTask } from './work.ts';

/** What a state is made with. */
export interface Making {
  services: Services;
  scenario: Scenario;
  /** The task that the scenario's role will hold; null when it holds none. */
  task: Row<'tasks'> | null;
  open(agent: string): Promise<AgentSession>;
}

/** Makes the state of the scenario's stage by what agents and servers would have done before. */
export async function makeState(making: Making): Promise<void> {
  for (const step of STATES[making.scenario.stage]) await step(making);
}

type Act = (making: Making) => Promise<void>;

const submitted: Act = async (making) => submit(making, making.scenario.change ?? ANY_CHANGE);
const gated: Act = async (making) => closeGates(making);
const passed: Act = async (making) => judge(making);
const later: Act = async (making) => {
  const { change = ANY_CHANGE, later: more = ANY_CHANGE } = making.scenario;
  await submit(making, { summary: more.summary, files: { ...change.files, ...more.files } });
};
const proposed: Act = async (making) => propose(making);
const approved: Act = async (making) => approve(making);
const asked: Act = async (making) => ask(making);

const STATES: Record<StateName, readonly Act[]> = {
  idle: [],
  held: [],
  asked: [asked],
  proposed: [proposed],
  approved: [proposed, approved],
  submitted: [submitted],
  gated: [submitted, gated],
  passed: [submitted, gated, passed],
  moved: [submitted, gated, passed, later],
};

/** States that take git or several sessions to make: made once and copied. */
export const isDear = (stage: StateName) => STATES[stage].length > 0;

const ANY_CHANGE = { summary: 'Say which cups there are.', files: { 'README.md': '# Shop\n\nCups.\n' } };

/** A developer's change as change_submit leaves it: one commit on mainline's head, and its row. */
async function submit({ services, task }: Making, change: Submitted): Promise<void> {
  const { factory } = await services.factory();
  const pipeline = task?.pipeline ?? null;
  const id = await addTask(services, {
    role: roleFor(factory, 'developer') ?? '',
    title: 'Build it',
    pipeline,
  });
  const bare = await openAuthority(services.paths.git);
  const base = await headOfMain(bare);
  const ref = `refs/tasks/${id}/1`;
  await git(bare, ['fast-import', '--quiet'], { input: importOf(ref, base, change) });
  const commit = (await readRef(bare, ref)) ?? '';
  await services.store.db
    .insertInto('submissions')
    .values({
      task: id,
      pipeline,
      fence: 1,
      commit_id: commit,
      tree_id: await treeOf(bare, commit),
      base_commit: base,
      diff_digest: diffDigest(await changes(bare, base, commit)),
      agent: 'developer',
      root: 'root-of-developer',
      session: 'earlier',
      created_at: services.clock.now(),
      merged_commit: null,
      merged_at: null,
    })
    .execute();
  await doneTask(services, id, change.summary);
}

type Submitted = NonNullable<Scenario['change']>;

/** The stream by which git makes the commit at `ref`. */
function importOf(ref: string, base: string, { summary, files }: Submitted): string {
  const data = (text: string) => `data ${Buffer.byteLength(text)}\n${text}\n`;
  const written = Object.entries(files).map(([path, text]) => `M 100644 inline ${path}\n${data(text)}`);
  const who = `committer developer <developer@factory.invalid> 1767225600 +0000\n`;
  return `commit ${ref}\n${who}${data(summary)}from ${base}\n${written.join('')}`;
}

/** Commits everything in a clone with its own author. Returns the commit. */
export async function commitAll(clone: string, message: string): Promise<string> {
  const run = (...args: string[]) => execa('git', ['-C', clone, ...args], { timeout: 20_000 });
  await run('add', '-A');
  await run('-c', 'commit.gpgsign=false', 'commit', '-q', '--allow-empty', '-m', message);
  return (await run('rev-parse', 'HEAD')).stdout.trim();
}

/** Lets an agent of another role do its part on a task of its own, which then is done. */
async function asAnother(
  { services, open, task }: Making,
  wanted: string,
  title: string,
  work: (session: AgentSession) => Promise<unknown>,
): Promise<void> {
  const { factory } = await services.factory();
  const role = roleFor(factory, wanted) ?? wanted;
  const id = await addTask(services, { role, title, pipeline: task?.pipeline ?? null });
  const session = await open(factory.roles[role]?.agents.at(-1) ?? role);
  await session.must('task_checkout', { task: `T-${id}` });
  await work(session);
  await doneTask(services, id, title);
  await session.close();
}

async function latest(services: Services): Promise<Row<'submissions'>> {
  return services.store.db
    .selectFrom('submissions')
    .selectAll()
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirstOrThrow();
}

/** The rows that the servers of gates and QA leave when everything passed. */
async function closeGates({ services }: Making): Promise<void> {
  const { commit_id: commit } = await latest(services);
  const tree = await treeOf(await openAuthority(services.paths.git), commit);
  const { factory } = await services.factory();
  await services.store.transaction(async (tx) => {
    for (const gate of [...MACHINE_GATES, ...QA_GATES]) {
      const ran = {
        passed: true,
        why: `${gate} passed`,
        log: '',
        exit: 0,
        engine: 'util-linux',
        dependencies: null,
      };
      const result = resultOf({ gate, commit, tree, factory, ms: 900 }, { ...ran, isolation: 'full' });
      await insertGateResult(tx, result, 1, services.clock.now());
    }
  });
}

/** The review and the verdict on the latest submission, by agents that are not its author. */
async function judge({ services }: Making): Promise<void> {
  const { id, diff_digest: digest, commit_id, tree_id, pipeline } = await latest(services);
  const { db } = services.store;
  const { factory } = await services.factory();
  const created_at = services.clock.now();
  const reviewer = roleFor(factory, 'principal-engineer') ?? '';
  await db
    .insertInto('reviews')
    .values({
      subject: 'change',
      target: id,
      digest,
      verdict: 'accept',
      body: JSON.stringify({ summary: 'Read whole.', findings: [] }),
      task: null,
      session: 'earlier',
      agent: reviewer,
      root: 'root-of-reviewer',
      created_at,
    })
    .execute();
  const verdict = { commit_id, tree_id, verdict: 'PASS' as const, reasons: '[]', task: null, pipeline };
  const evidence = sha256Hex(canonicalJson({ commit: commit_id, verdict: 'PASS' }));
  await db
    .insertInto('verdicts')
    .values({ ...verdict, digest: evidence, agent: 'qa', root: 'root-of-qa', created_at })
    .execute();
}

async function propose(making: Making): Promise<void> {
  await asAnother(making, 'infra', 'Propose the infrastructure', (infra) =>
    infra.must('infra_propose', { product: 'shop', target: 'local', resources: making.scenario.plan }),
  );
}

async function approve(making: Making): Promise<void> {
  const { id, digest } = await making.services.store.db
    .selectFrom('plans')
    .select(['id', 'digest'])
    .orderBy('id', 'desc')
    .executeTakeFirstOrThrow();
  await asAnother(making, 'cto', 'Approve or reject the plan', (cto) =>
    cto.must('infra_review', { plan: `I-${id}`, digest, verdict: 'accept', reasons: 'As the spec says.' }),
  );
}

/** The session before asked the human, and ended. */
async function ask({ services, scenario, open, task }: Making): Promise<void> {
  const { factory, pipelines } = await services.factory();
  const agent = factory.roles[scenario.role]?.agents[0] ?? scenario.role;
  const steps = pipelines
    .get(scenario.brief.step?.split('/')[0] ?? '')
    ?.phases.flatMap((phase) => phase.steps);
  const checkpoint = steps?.find(({ id }) => id === task?.step)?.checkpoint;
  if (!task || !checkpoint) throw new Error(`${scenario.id}: its step has no checkpoint.`);
  const artifact = await services.store.db
    .selectFrom('artifacts')
    .select('id')
    .where('name', '=', checkpoint.artifact)
    .executeTakeFirstOrThrow();
  const session = await open(agent);
  await session.must('task_checkout', { task: `T-${task.id}` });
  const of = { name: checkpoint.name, title: 'Do we go on?', artifact: `A-${artifact.id}` };
  await session.must('checkpoint_request', of);
  await services.store.transaction(async (tx) => {
    await releaseLease(tx, 'task', task.id);
    await setState(tx, task.id, 'ready');
    await tx.updateTable('sessions').set({ task: null, fence: null }).where('agent', '=', agent).execute();
  });
  await session.close();
}

/** Where a host works that has opened no workspace: the product as mainline has it. */
export async function layOut(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
}
