import { sql } from 'kysely';
import { answerCall } from '../../servers/core/call.ts';
import { createAuthority } from '../../servers/core/git/authority.ts';
import { loadFleet } from '../../servers/fleet.ts';
import { commitIn } from '../core/git/harness.ts';
import { type Agent, type Result, startFactory, type TestFactory } from '../harness.ts';
import { type FleetTool, shippedFactory, toolsOf } from './fleet.ts';

/** Nobody speaks as this role, so that it can be asked for. */
export const IDLE = 'growth';
const HOUR = 3_600_000;
const TASK = { title: 'Work', criteria: ['It holds'], stops: ['It does not'] };

type Args = Record<string, unknown>;

export interface HostileSite {
  readonly factory: TestFactory;
  /** What the operator's log says. */
  readonly logged: string[];
  /** The agent, over HTTP, that may call this tool. */
  agentFor(tool: FleetTool): Agent;
  /** The same call by the same session through the same pipeline, in this process: for calls by the thousand. */
  call(tool: FleetTool, args: unknown): Promise<Result>;
  /** Calls any tool as an agent of `role`. */
  as(role: string, name: string, args: unknown): Promise<Result>;
  /** Arguments that this tool takes as the factory stands now, where the smallest its schema accepts are refused. */
  fitting(name: string): Args;
  /** Puts back what a call that was taken changed: the task that was handed in, the place that is full. */
  putBack(tool: FleetTool): Promise<void>;
}

export interface SiteOptions {
  databaseUrl?: string;
  /** Whether there is a mainline with a submitted change, and a plan: without them most tools refuse early. */
  isBuilt?: boolean;
}

/** The whole fleet, with an agent of every role that holds a task and left an artifact. */
export async function hostileSite(
  tools: readonly FleetTool[],
  { databaseUrl, isBuilt = true }: SiteOptions = {},
): Promise<HostileSite> {
  const logged: string[] = [];
  const factory = await startFactory({
    databaseUrl,
    log: (line) => logged.push(line),
    change: (definition) => {
      (definition as Record<string, { per_day: number }>).memory = {
        ...(definition as Record<string, object>).memory,
        per_day: 100_000,
      };
    },
  });
  const { services, clock } = factory;
  const { db, dialect } = services.store;
  // Nothing here is about power cuts, and there are thousands of writes.
  if (dialect === 'sqlite') await sql`pragma synchronous = off`.execute(db);
  const { tools: fleet } = await loadFleet();
  const definition = await shippedFactory('c-suite');
  const agents = new Map<string, Agent>();
  const sessions = new Map<string, string>();
  const as = async (role: string, name: string, args: unknown): Promise<Result> => {
    const signal = new AbortController().signal;
    const request = { name, arguments: args, signal };
    const answer = await answerCall(fleet, services, sessions.get(role) ?? '', request);
    if (answer.ok) return { isError: false, text: answer.text, value: answer.value as Record<string, never> };
    return { isError: true, text: answer.error.render(), value: {} };
  };
  const ok = async (role: string, name: string, args: unknown = {}) => {
    const { isError, text, value } = await as(role, name, args);
    if (isError) throw new Error(`${role} ${name}: ${text}`);
    return value as Args;
  };
  const asked = new Map<string, string>();
  const hold = async (role: string) => {
    const { task } = await ok('ceo', 'task_create', { ...TASK, role });
    await ok(role, 'task_checkout', { task });
    asked.set(role, (await ok(role, 'artifact_put', { name: 'brief', body: 'A page?' })).artifact as string);
    return task as string;
  };
  /** As if the role had not let go of its task. */
  const holdAgain = async (role: string) => {
    const [task, session] = [Number(tasks.get(role)?.slice(2)), sessions.get(role) ?? ''];
    const { fence } = await db
      .updateTable('leases')
      .set({ holder: session, ends_at: clock.now() + HOUR })
      .where('kind', '=', 'task')
      .where('subject', '=', task)
      .returning('fence')
      .executeTakeFirstOrThrow();
    const active = { state: 'active', outcome: null, finished_at: null } as const;
    await db.updateTable('tasks').set(active).where('id', '=', task).execute();
    await db.updateTable('sessions').set({ task, fence }).where('id', '=', session).execute();
  };
  for (const role of Object.keys(definition.roles)) {
    agents.set(role, await factory.agent(role));
    const row = db.selectFrom('sessions').select('id').where('agent', '=', role).orderBy('opened_at', 'desc');
    sessions.set(role, (await row.executeTakeFirstOrThrow()).id);
  }
  const tasks = new Map<string, string>();
  for (const role of agents.keys()) tasks.set(role, await hold(role));

  const { artifact: theirs } = await ok('developer', 'artifact_put', { name: 'design', body: 'A page.' });
  const { commit, diff, plan, digest } = isBuilt ? await build(factory, ok) : NOTHING_BUILT;
  await db.updateTable('sessions').set({ ended_at: clock.now() }).where('agent', '=', IDLE).execute();

  const roleOf = ({ tool }: FleetTool): string => {
    const role = Object.keys(definition.roles).find((name) =>
      toolsOf(definition, name, tools).some((one) => one.tool === tool),
    );
    return { 'change:submit': 'developer', 'infra:propose': 'infra' }[tool.needs as string] ?? role ?? '';
  };
  let questions = 0;
  const byTool: Record<string, () => Args> = {
    agent_spawn: () => ({ role: IDLE }),
    pipeline_start: () => ({ pipeline: 'words' }),
    task_create: () => ({ role: 'qa' }),
    task_show: () => ({ task: tasks.get('qa') }),
    task_wait: () => ({ seconds: 1 }),
    artifact_get: () => ({ artifact: theirs }),
    artifact_review: () => ({ artifact: theirs }),
    checkpoint_request: () => {
      const role = roleOf(tools.find(({ tool }) => tool.name === 'checkpoint_request') as FleetTool);
      questions += 1;
      return { name: `question-${questions}`, artifact: asked.get(role) };
    },
    review_submit: () => ({ diff, verdict: 'reject', task: tasks.get('developer') }),
    change_diff: () => ({ task: tasks.get('developer') }),
    change_submit: () => ({ commit }),
    infra_review: () => ({ plan, digest, verdict: 'reject' }),
    lesson_record: () => ({ evidence: [diff], triggers: ['npm test'] }),
  };
  return {
    factory,
    logged,
    as,
    agentFor: (tool) => agents.get(roleOf(tool)) as Agent,
    call: (tool, args) => as(roleOf(tool), tool.tool.name, args),
    fitting: (name) => byTool[name]?.() ?? {},
    async putBack(tool) {
      const { name } = tool.tool;
      const role = roleOf(tool);
      if (['task_complete', 'task_block', 'task_return'].includes(name)) await holdAgain(role);
      if (name === 'artifact_put')
        await db.deleteFrom('artifacts').where('name', 'like', 'sample%').execute();
      if (name === 'lesson_record') await db.deleteFrom('lessons').where('origin', '=', 'agent').execute();
      // A web of thousands of links would only make each later search slow.
      if (name === 'memory_link') {
        await db.deleteFrom('relations').execute();
        await db.deleteFrom('memory_entities').execute();
      }
      if (name === 'agent_spawn') await db.deleteFrom('spawns').execute();
      if (name === 'infra_review') await db.updateTable('plans').set({ state: 'proposed' }).execute();
    },
  };
}

type Ok = (role: string, name: string, args?: unknown) => Promise<Args>;

const NOTHING_BUILT = { commit: '0'.repeat(40), diff: '0'.repeat(64), plan: 'I-1', digest: '0'.repeat(64) };

/** A mainline, a change submitted by the developer, and a proposed plan. */
async function build({ home, clock, services }: TestFactory, ok: Ok) {
  const { db } = services.store;
  const initial = [{ path: 'README.md', content: '# Product\n' }];
  await createAuthority(home, { initial, message: 'Start', at: new Date(clock.now()) });
  const { workspace } = (await ok('developer', 'workspace_open')) as { workspace: string };
  const commit = await commitIn(workspace, { 'src/page.js': 'export default 1;\n' });
  await ok('developer', 'change_submit', { commit, summary: 'A page' });
  const { diff_digest: diff } = await db.selectFrom('submissions').selectAll().executeTakeFirstOrThrow();
  const resources = [{ kind: 'd1', name: 'page' }];
  const { plan } = await ok('infra', 'infra_propose', { product: 'page', target: 'local', resources });
  const { digest } = await db.selectFrom('plans').select('digest').executeTakeFirstOrThrow();
  return { commit, diff, plan, digest };
}
