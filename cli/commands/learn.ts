import type { Command } from 'commander';
import { pipelineId } from '../../servers/core/ids.ts';
import { withFactory } from '../factories.ts';
import { CommandError, EXIT } from '../failures.ts';
import { handled } from '../handled.ts';
import { shown, table } from '../io.ts';
import { beginLearning, type Learning } from '../learning.ts';

export function learn(program: Command): void {
  program
    .command('learn [role]')
    .description(
      "gather a role's failures since its words were last changed, and start the pipeline that betters them",
    )
    .action(
      handled((io, options, role) =>
        withFactory(options, async (services) => {
          const { factory } = await services.factory();
          if (role !== undefined && !factory.roles[role]) {
            throw new CommandError(
              'ROLE',
              `There is no role "${shown(role)}".`,
              `Name one of ${Object.keys(factory.roles).join(', ')}.`,
              EXIT.usage,
            );
          }
          const { loadFleet } = await import('../../servers/fleet.ts');
          const { tools } = await loadFleet();
          const found: Learning[] = [];
          for (const name of role === undefined ? Object.keys(factory.roles) : [role]) {
            io.progress(`Reading what went against ${name} …`);
            found.push(await beginLearning(services, tools, name));
          }
          const learned = found.map(({ pipeline, ...one }) => ({
            ...one,
            pipeline: pipeline === null ? null : pipelineId(pipeline),
          }));
          const rows = learned.map((one) => [one.role, String(one.failures), one.pipeline ?? '', one.why]);
          return { value: { learned }, text: table(['role', 'failures', 'pipeline', 'why'], rows) };
        }),
      ),
    );
}
