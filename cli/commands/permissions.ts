import type { Command } from 'commander';
import type { Factory } from '../../servers/core/factory/definition.ts';
import { isGranted } from '../../servers/core/permissions.ts';
import type { Fleet } from '../../servers/fleet.ts';
import { definitionAt } from '../definition.ts';
import { withFactory } from '../factories.ts';
import { type GlobalOptions, handled } from '../handled.ts';
import { fits, table } from '../io.ts';

export function permissions(program: Command): void {
  program
    .command('permissions')
    .description('which role may call which tool, as a table')
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
        const wide = table(['tool', 'needs', ...names], rows);
        const text = fits(wide) ? wide : table(['tool', 'who may call it'], rolesByTool(rows, names));
        return { value: { factory: factory.factory, roles }, text };
      }),
    );
}

/** The same for a terminal that is too narrow for a column a role. */
function rolesByTool(rows: readonly string[][], names: readonly string[]): string[][] {
  return rows.map(([tool = '', , ...may]) => {
    const roles = names.filter((_, at) => may[at] === 'yes');
    return [tool, roles.length === names.length ? 'every role' : roles.join(', ') || 'nobody'];
  });
}

/** The tools each role may call, in order of their names. */
function toolsByRole(factory: Factory, fleet: Fleet): Record<string, string[]> {
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
  return (await definitionAt(file)).definition.factory;
}
