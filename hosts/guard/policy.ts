import picomatch from 'picomatch';
import type { Capability } from '../../servers/core/permissions.ts';
import { type HostAgent, type HostFactory, MAIN_SERVER, subAgentName } from '../factory.ts';

/** What `guard.cjs` reads: plain data, so that it needs no package. Patterns are sources of regular expressions. */
export interface Policy {
  readonly factory: string;
  /** The folder of the factory's state, and the one folder in it that agents work in. */
  readonly state: string;
  readonly clones: string;
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

/** The policy of the guard for one factory and one main session. */
export function guardPolicy(factory: HostFactory): Policy {
  const { main, agents } = factory;
  const subAgents = agents.filter(({ agent }) => agent !== main.agent);
  return {
    factory: factory.name,
    state: factory.home,
    clones: factory.clones,
    protected: factory.protectedPaths.map((glob) => pattern(glob.normalize('NFC').toLowerCase())),
    main: MAIN_SERVER,
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

function agentPolicy(
  { agents, main }: HostFactory,
  agent: HostAgent,
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
  agents: readonly HostAgent[],
  agent: HostAgent,
  needs: Capability,
  tool: string,
  why: string,
): string {
  if (agent.may.includes(needs)) return `${why}: call ${tool}.`;
  const others = [...new Set(agents.filter(({ may }) => may.includes(needs)).map(({ role }) => role))];
  return others.length > 0 ? `${why}: ${tool}, a tool of ${others.join(', ')}.` : `${why}.`;
}

const pattern = (glob: string): string => picomatch.makeRe(glob, GLOB).source;
