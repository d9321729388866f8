import { resolve } from 'node:path';
import type { Command } from 'commander';
import { PRESETS, readDefinition } from '../../servers/core/factory/create.ts';
import type { Factory } from '../../servers/core/factory/definition.ts';
import { parseDefinition } from '../../servers/core/factory/parse.ts';
import { isGranted } from '../../servers/core/permissions.ts';
import type { Fleet } from '../../servers/fleet.ts';
import { withFactory } from '../factories.ts';
import { type GlobalOptions, handled } from '../handled.ts';
import { table } from '../io.ts';

export function permissions(program: Command): void {
  program
    .command('permissions')
    .description('which role may call which tool')
    .option('--factory-file <file>', 'a preset or a factory file instead of the definition in force')
    .action(
      handled<{ factoryFile?: string }>(async (_io, options) => {
        const factory = await definitionFor(options);
        const { loadFleet } = await import('../../servers/fleet.ts');
        const fleet = await loadFleet();
        const roles = toolsByRole(factory, fleet);
        const names = Object.keys(roles);
        const rows = [...fleet.tools.values()]
          .sort((a, b) => a.name.localeCompare(b.name))
          .map((tool) => [
            tool.name,
            tool.needs,
            ...names.map((role) => (roles[role]?.includes(tool.name) ? 'yes' : '-')),
          ]);
        return { value: { factory: factory.factory, roles }, text: table(['tool', 'needs', ...names], rows) };
      }),
    );
}

/** The tools each role may call, in order of their names. */
export function toolsByRole(factory: Factory, fleet: Fleet): Record<string, string[]> {
  const tools = [...fleet.tools.values()];
  const granted = (may: Factory['roles'][string]['may']) =>
    tools.filter((tool) => isGranted(may, tool.needs)).map((tool) => tool.name);
  return Object.fromEntries(
    Object.entries(factory.roles).map(([name, { may }]) => [name, granted(may).sort()]),
  );
}

async function definitionFor(options: GlobalOptions & { factoryFile?: string }): Promise<Factory> {
  const file = options.factoryFile;
  if (file === undefined) return withFactory(options, async (services) => (await services.factory()).factory);
  const isPreset = (PRESETS as readonly string[]).includes(file);
  return parseDefinition(await readDefinition(isPreset ? file : resolve(file))).factory;
}
