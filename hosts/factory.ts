import { join } from 'node:path';
import type { Factory } from '../servers/core/factory/definition.ts';
import type { Capability } from '../servers/core/permissions.ts';
import { PACKAGE_ROOT } from '../servers/core/version.ts';

/** One agent of the factory, as the guard knows it. */
export interface GuardedAgent {
  readonly agent: string;
  readonly role: string;
  readonly may: readonly Capability[];
  /** Globs of what it may change, below a clone. */
  readonly writes: readonly string[];
  /** The roles it may have run. */
  readonly spawns: readonly string[];
}

/** One agent of the factory, as a host's configuration needs it. */
export interface HostAgent extends GuardedAgent {
  readonly title: string;
  /** When to use it, in one sentence. */
  readonly description: string;
  /** The absolute path of its enrolment. */
  readonly enrolment: string;
}

/** The agents of a factory, in the order of its file. */
export const guardedAgents = ({ roles }: Pick<Factory, 'roles'>): GuardedAgent[] =>
  Object.entries(roles).flatMap(([role, { agents, may, writes, spawns }]) =>
    agents.map((agent) => ({ agent, role, may, writes, spawns })),
  );

/** All that a host's configuration is made from; every path is absolute. */
export interface HostFactory {
  readonly name: string;
  /** The folder of the factory's state. */
  readonly home: string;
  /** The folder with the agents' clones, below `home`. */
  readonly clones: string;
  /** The person's own checkout. */
  readonly repository: string;
  /** The agent that the host's main session is. */
  readonly main: HostAgent;
  readonly agents: readonly HostAgent[];
  /** Globs of paths that only a human lets a branch change. */
  readonly protectedPaths: readonly string[];
  /** Agents of the person's own that the main session may start too. */
  readonly ownAgents: readonly string[];
  readonly policy: string;
  readonly programs: Programs;
}

/** What hosts start. */
export interface Programs {
  readonly node: string;
  readonly launcher: string;
  readonly guard: string;
}

/** The programs of this installation. */
export const PROGRAMS: Programs = {
  node: process.execPath,
  launcher: join(PACKAGE_ROOT, 'bin', 'millwright.cjs'),
  guard: join(PACKAGE_ROOT, 'hosts', 'plugin', 'guard', 'guard.cjs'),
};

/** The name of the main session's server: the prompt of the CEO is then `/mcp__millwright__ceo`. */
export const MAIN_SERVER = 'millwright';

/** The name of a sub-agent and of its own server: one that no other server of the host has. */
export const subAgentName = (agent: string): string => `millwright-${agent}`;

/** What a host starts for one agent. Works from any folder. */
export function serverCommand({ node, launcher }: Programs, enrolment: string) {
  return { command: node, args: [launcher, 'mcp', '--enrolment', enrolment] };
}

/** One word of a POSIX shell's command line. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
