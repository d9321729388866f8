import type { Factory } from '../servers/core/factory/definition.ts';
import type { Services } from '../servers/core/services.ts';
import { CommandError, EXIT } from './failures.ts';
import { shown } from './io.ts';

/** Every standing member of a factory with its role. */
export const agentsOf = (factory: Pick<Factory, 'roles'>): { agent: string; role: string }[] =>
  Object.entries(factory.roles).flatMap(([role, { agents }]) => agents.map((agent) => ({ agent, role })));

/** Throws `CommandError` for a name that is no agent's, naming those there are. */
export async function refuseUnknownAgent(services: Services, name: string): Promise<void> {
  const agents = agentsOf((await services.factory()).factory).map(({ agent }) => agent);
  if (agents.includes(name)) return;
  throw new CommandError(
    'NO_AGENT',
    `There is no agent "${shown(name, 60)}".`,
    `Name one of ${agents.join(', ')}.`,
    EXIT.usage,
  );
}
