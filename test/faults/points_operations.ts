import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gitAs } from '../../rehearsal/stage.ts';
import type { OperationName } from './points.ts';
import type { Agent } from './points_agent.ts';
import type { Stage } from './points_stage.ts';

/** What is done once, by one agent, while one of its processes dies. */
export interface Operation {
  agent: string;
  /** The task that the agent holds meanwhile. */
  task: keyof Stage['tasks'];
  /** What comes before, and is not counted; the answer goes to `act`. */
  before?(agent: Agent, stage: Stage): Promise<string>;
  act(agent: Agent, stage: Stage, from: string): Promise<unknown>;
  /** Refusals of `act` done again that say that it was done. */
  done?: RegExp;
}

const SUMMARY = { summary: 'done as asked' };

/** The commit that the agent's workspace is at, once it holds the work. */
async function work(agent: Agent): Promise<string> {
  const { workspace } = await agent.ok<{ workspace: string }>('workspace_open');
  await mkdir(join(workspace, 'docs'), { recursive: true });
  await writeFile(join(workspace, 'docs', 'more.md'), 'More.\n');
  await gitAs('developer', workspace, ['add', '-A']);
  await gitAs('developer', workspace, ['commit', '-q', '--allow-empty', '-m', 'More']);
  return (await gitAs('developer', workspace, ['rev-parse', 'HEAD'])).trim();
}

export const OPERATIONS: Record<Exclude<OperationName, 'approve'>, Operation> = {
  checkout: {
    agent: 'trend',
    task: 'checkout',
    act: (agent, { tasks }) => agent.ok('task_checkout', { task: tasks.checkout }),
  },
  complete: {
    agent: 'coo',
    task: 'complete',
    act: (agent) => agent.ok('task_complete', SUMMARY),
    done: /You hold no task/,
  },
  submit: {
    agent: 'developer',
    task: 'submit',
    before: work,
    act: (agent, _, commit) => agent.ok('change_submit', { commit, summary: 'More documents' }),
  },
  merge: {
    agent: 'principal-engineer',
    task: 'merge',
    act: (agent) => agent.ok('change_merge'),
  },
  gates: {
    agent: 'developer',
    task: 'gates',
    act: (agent) => agent.ok('gate_run', { gates: ['smoke', 'docs'] }),
  },
  apply: {
    agent: 'infra',
    task: 'apply',
    act: (agent, { plan }) => agent.ok('infra_apply', { plan }),
  },
  release: {
    agent: 'infra',
    task: 'release',
    act: (agent) => agent.ok('release_cut'),
  },
  advance: {
    agent: 'infra',
    task: 'advance',
    before: async (agent) => (await agent.ok<{ release: string }>('release_cut')).release,
    act: (agent, _, release) => agent.ok('release_advance', { release }),
  },
  rollback: {
    agent: 'infra',
    task: 'apply',
    act: (agent, { release }) => agent.ok('release_rollback', { release, why: 'It does not hold.' }),
    done: /is rolled-back, not live/,
  },
  memory: {
    agent: 'growth',
    task: 'memory',
    act: (agent) =>
      agent.ok('memory_write', {
        entries: [
          { kind: 'fact', text: 'The sitemap lists every public page.', about: ['release:testimonials'] },
        ],
      }),
  },
};

/** Hands the work in, if it is not yet. */
export async function finish(agent: Agent, task: string): Promise<void> {
  const { refused, text } = await agent.call('task_complete', SUMMARY);
  if (!refused) return;
  const { state } = await agent.ok<{ state: string }>('task_show', { task });
  if (state !== 'done') throw new Error(`${task} is ${state}: ${text}`);
}
