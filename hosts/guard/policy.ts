import picomatch from 'picomatch';
import type { Capability } from '../../servers/core/permissions.ts';
import { type GuardedAgent, type HostFactory, MAIN_SERVER, subAgentName } from '../factory.ts';

/** What `guard.cjs` reads: plain data, so that it needs no package. Patterns are sources of regular expressions. */
export interface Policy {
  readonly factory: string;
  /** The folder of the factory's state, and the one folder in it that agents work in. */
  readonly state: string;
  readonly clones: string;
  /** The only clones to change; null for all of them. */
  readonly changes: readonly string[] | null;
  /** Folders in the state that a host has for itself: they may be read. */
  readonly scratch: readonly string[];
  readonly protected: readonly string[];
  /** The key in `agents` of the main session, and of sub-agents that have no role of their own. */
  readonly main: string;
  readonly agents: Readonly<Record<string, AgentPolicy>>;
}

export interface AgentPolicy {
  readonly role: string;
  /** The only server of the factory it may call. */
  readonly server: string;
  readonly writes: readonly string[];
  /** The sub-agents it may start. */
  readonly spawns: readonly string[];
  /** Per rule, what to do instead. */
  readonly instead: Readonly<Record<'deploy' | 'push' | 'state' | 'edit' | 'protected' | 'spawn', string>>;
}

/** Sub-agents that hosts bring along; they have no server of their own and no right beyond their parent's. */
const BUILT_IN = [
  'general-purpose',
  'Explore',
  'Plan',
  'statusline-setup',
  'output-style-setup',
  'claude-code-guide',
];
const GLOB = { dot: true, nonegate: true, windows: false };

/** What a policy is made from. */
export interface Guarded extends Pick<HostFactory, 'name' | 'home' | 'clones' | 'protectedPaths'> {
  readonly main: GuardedAgent;
  readonly agents: readonly GuardedAgent[];
}

/** The policy of the guard for one factory and one main session. */
export function guardPolicy(factory: Guarded & Pick<HostFactory, 'ownAgents'>): Policy {
  const { main, agents } = factory;
  const subAgents = agents.filter(({ agent }) => agent !== main.agent);
  return {
    ...ofFactory(factory),
    changes: null,
    scratch: [],
    agents: {
      [MAIN_SERVER]: agentPolicy(factory, main, MAIN_SERVER, [...BUILT_IN, ...factory.ownAgents]),
      ...Object.fromEntries(
        subAgents.map((agent) => {
          const name = subAgentName(agent.agent);
          return [name, agentPolicy(factory, agent, name, [])];
        }),
      ),
    },
  };
}

/**
 * The policy of the guard for one run: one agent that starts no other inside its host, and one clone to change.
 *
 * @param clone undefined for a role that changes no files
 * @param scratch the folders of the run's own
 */
export function runPolicy(factory: Guarded, clone: string | undefined, scratch: readonly string[]): Policy {
  const { main } = factory;
  const policy = agentPolicy(factory, main, MAIN_SERVER, []);
  const spawn = main.spawns.length > 0 ? 'Have others run with agent_spawn.' : policy.instead.spawn;
  return {
    ...ofFactory(factory),
    changes: clone === undefined ? [] : [clone],
    scratch,
    agents: { [MAIN_SERVER]: { ...policy, spawns: [], instead: { ...policy.instead, spawn } } },
  };
}

const ofFactory = ({ name, home, clones, protectedPaths }: Guarded) => ({
  factory: name,
  state: home,
  clones,
  protected: protectedPaths.map((glob) => pattern(glob.normalize('NFC').toLowerCase())),
  main: MAIN_SERVER,
});

function agentPolicy(
  { agents, main }: Guarded,
  agent: GuardedAgent,
  server: string,
  others: readonly string[],
): AgentPolicy {
  const mine = agents.filter(({ role, agent: name }) => agent.spawns.includes(role) && name !== main.agent);
  const spawns = mine.map(({ agent: name }) => subAgentName(name));
  return {
    role: agent.role,
    server,
    writes: agent.writes.map(pattern),
    spawns: [...spawns, ...others],
    instead: {
      deploy: way(agents, agent, 'release:cut', 'release_cut', 'A release is cut by the server'),
      push: way(agents, agent, 'change:submit', 'change_submit', 'Commits reach mainline by the server'),
      state: 'Ask the servers: task_list, task_show, artifact_get.',
      edit:
        agent.writes.length > 0
          ? `Work in the clone that workspace_open names, on ${agent.writes.join(', ')}.`
          : `The role ${agent.role} changes no files. Hand in documents with artifact_put.`,
      protected: 'Only a person changes this path. Say in activity_log what should stand there.',
      spawn: spawns.length > 0 ? `You may start ${spawns.join(', ')}.` : 'Your role starts nobody.',
    },
  };
}

/** The tool to use instead, or who has it. */
function way(
  agents: readonly GuardedAgent[],
  agent: GuardedAgent,
  needs: Capability,
  tool: string,
  why: string,
): string {
  if (agent.may.includes(needs)) return `${why}: call ${tool}.`;
  const others = [...new Set(agents.filter(({ may }) => may.includes(needs)).map(({ role }) => role))];
  return others.length > 0 ? `${why}: ${tool}, a tool of ${others.join(', ')}.` : `${why}.`;
}

const pattern = (glob: string): string => picomatch.makeRe(glob, GLOB).source;
