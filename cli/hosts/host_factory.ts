import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { guardedAgents, type HostAgent, type HostFactory, PROGRAMS } from '../../hosts/factory.ts';
import type { Definition } from '../../servers/core/factory/parse.ts';
import { roleWords } from '../../servers/core/factory/parse.ts';
import { DEFAULT_PROTECTED } from '../../servers/core/git/paths.ts';
import type { FactoryPaths } from '../../servers/core/paths.ts';
import { CommandError, EXIT } from '../failures.ts';
import { shown } from '../io.ts';
import { claudeFolder } from './claude_code.ts';

/** The folder beside the state with what hosts read of it. */
const hostsFolder = (paths: FactoryPaths): string => join(paths.home, 'hosts');

/**
 * What the configuration of hosts is made from.
 *
 * @param as the role of the main session; else the factory's lead. Throws `CommandError` for one there is not.
 */
export async function hostFactory(
  definition: Definition,
  paths: FactoryPaths,
  repository: string,
  as: string | undefined,
): Promise<HostFactory> {
  const { factory } = definition;
  const agents = guardedAgents(factory).map(
    (one): HostAgent => ({
      ...one,
      title: factory.roles[one.role]?.title ?? one.role,
      description: roleWords(definition.words, one.role).description,
      enrolment: join(paths.enrolments, `${one.agent}.json`),
    }),
  );
  const role = as ?? factory.lead;
  const main = agents.find((agent) => agent.role === role);
  if (!main) {
    const roles = Object.keys(factory.roles).join(', ');
    throw new CommandError(
      'NO_ROLE',
      `There is no role "${shown(role)}".`,
      `Name one of ${roles}.`,
      EXIT.usage,
    );
  }
  return {
    name: factory.factory,
    home: paths.home,
    clones: paths.clones,
    repository,
    main,
    agents,
    protectedPaths: [...DEFAULT_PROTECTED, ...factory.protected],
    ownAgents: await ownAgents(),
    policy: join(hostsFolder(paths), 'policy.json'),
    programs: PROGRAMS,
  };
}

/** The sub-agents that the person has for every repository: no branch can bring one. */
async function ownAgents(): Promise<string[]> {
  const files = await readdir(join(claudeFolder(), 'agents')).catch(() => []);
  return files.flatMap((file) => (file.endsWith('.md') ? [file.slice(0, -3)] : [])).sort();
}
