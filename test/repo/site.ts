import { gateDefinition, isMachineGate } from '../../servers/core/gates.ts';
import { createAuthority, headOfMain, type InitialFile } from '../../servers/core/git/authority.ts';
import type { Repo } from '../../servers/core/git/git.ts';
import type { Row } from '../../servers/core/store/schema.ts';
import { AT, agentGit, commitIn } from '../core/git/harness.ts';
import { type Agent, type FactoryOptions, startFactory, type TestFactory } from '../harness.ts';

export interface Opened {
  workspace: string;
  branch: string;
  base: string;
}
export interface Submitted {
  submission: string;
  commit: string;
  base: string;
  files: string[];
  own_evidence: string[];
}
type Files = Record<string, string | Uint8Array | null>;

export interface Site extends TestFactory {
  bare: Repo;
  head(): Promise<string>;
  /** A new task for the role; returns its id. */
  task(role: string): Promise<string>;
  /** An agent in a new session that holds a new task of its role. */
  worker(name: string, role?: string): Promise<Agent>;
  /** Rows as the servers of gates, review and QA leave them when everything passed. */
  closeGates(commit: string, but?: readonly string[]): Promise<void>;
  submission(commit: string): Promise<Row<'submissions'>>;
}

const START: InitialFile[] = [
  { path: 'src/a.txt', content: 'one\ntwo\nthree\n' },
  { path: 'README.md', content: '# Site\n' },
];

/** A factory with a mainline. */
export async function site(options: FactoryOptions = {}, initial = START): Promise<Site> {
  const factory = await startFactory({ servers: ['tasks', 'repo'], ...options });
  const { services } = factory;
  const bare = await createAuthority(services.paths.home, { initial, message: 'Start', at: AT });
  const ceo = await factory.agent('ceo');
  const submission = (commit: string) =>
    services.store.db
      .selectFrom('submissions')
      .selectAll()
      .where('commit_id', '=', commit)
      .executeTakeFirstOrThrow();
  const task = async (role: string) => {
    const work = { title: 'Work', criteria: ['It works'], stops: ['It does not'], role };
    return (await ceo.ok<{ task: string }>('task_create', work)).task;
  };
  return {
    ...factory,
    bare,
    task,
    submission,
    head: () => headOfMain(bare),
    async worker(name, role = name.replace(/-\d$/, '')) {
      const agent = await factory.agent(name);
      await agent.ok('task_checkout', { task: await task(role) });
      return agent;
    },
    async closeGates(commit, but = []) {
      const { factory: definition } = await services.factory();
      const row = await submission(commit);
      const at = { created_at: services.clock.now() };
      const by = { agent: 'principal-engineer', root: 'reviewer-root', session: 'reviewer' };
      for (const gate of definition.merge.needs.filter((need) => !but.includes(need))) {
        if (isMachineGate(gate)) {
          const evidence = {
            isolation: 'full',
            engine: 'test',
            exit: 0,
            log: '',
            log_digest: '',
            ms: 1,
            job: null,
          };
          const of = {
            gate,
            commit_id: commit,
            tree_id: row.tree_id,
            definition: gateDefinition(definition, gate),
          };
          await services.store.db
            .insertInto('gate_results')
            .values({ ...of, ...evidence, ...at, closed: 1, digest: `${gate}-${commit}` })
            .execute();
        } else if (gate === 'review') {
          const of = { subject: 'change' as const, target: row.id, digest: row.diff_digest, task: null };
          await services.store.db
            .insertInto('reviews')
            .values({ ...of, ...by, ...at, verdict: 'accept', body: '{}' })
            .execute();
        } else {
          const of = { commit_id: commit, tree_id: row.tree_id, task: null, pipeline: null, reasons: '[]' };
          await services.store.db
            .insertInto('verdicts')
            .values({ ...of, ...at, verdict: 'PASS', digest: `qa-${commit}`, agent: 'qa', root: 'qa-root' })
            .execute();
        }
      }
    },
  };
}

/** Opens the workspace of the agent's task, or finds it. */
export const open = (agent: Agent) => agent.ok<Opened>('workspace_open');

/** Commits files in the agent's workspace and calls change_submit; the raw answer. */
export async function submitting(agent: Agent, files: Files) {
  const { workspace } = await open(agent);
  const commit = await commitIn(workspace, files);
  return agent.call('change_submit', { commit, summary: 'Change it' });
}

/** The same, when it must succeed. */
export async function submit(agent: Agent, files: Files): Promise<Submitted> {
  const result = await submitting(agent, files);
  if (result.isError) throw new Error(result.text);
  return result.value as unknown as Submitted;
}

/** Takes back what a refused commit brought. */
export async function startOver(agent: Agent): Promise<void> {
  const { workspace, base } = await open(agent);
  await agentGit(workspace, ['reset', '-q', '--hard', base]);
  await agentGit(workspace, ['clean', '-qfdx']);
}

/** Ends the lease that the holder of `task` has, and lets the next take it. */
export async function expireLeases({ services }: Site): Promise<void> {
  await services.store.db
    .updateTable('leases')
    .set({ ends_at: services.clock.now() - 1 })
    .execute();
}

/** The rules by which the record says calls were refused. */
export async function refusedRules({ services }: Site): Promise<string[]> {
  const rows = await services.store.db
    .selectFrom('activity')
    .select('rule')
    .where('event', '=', 'refused')
    .execute();
  return rows.map(({ rule }) => rule);
}
