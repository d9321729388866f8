import type { Command } from 'commander';
import { append } from '../../servers/core/record.ts';
import type { Services } from '../../servers/core/services.ts';
import { withFactory } from '../factories.ts';
import { addStop, removeStop } from '../factory_queries.ts';
import { CommandError, EXIT } from '../failures.ts';
import { handled } from '../handled.ts';
import { shown } from '../io.ts';

const LONGEST_REASON = 200;

export function stop(program: Command): void {
  program
    .command('stop <reason...>')
    .alias('kill')
    .description(
      'emergency stop: runs of agents end, and no task is taken and no run or release starts; what else is held ends with its lease',
    )
    .option('--role <role>', 'only for this role')
    .action(
      handled<{ role?: string }>((_io, options, ...reason) =>
        withFactory(options, async (services) => {
          const scope = await scopeOf(services, options.role);
          const why = reason.flat().join(' ').slice(0, LONGEST_REASON);
          const now = services.clock.now();
          await services.store.transaction(async (tx) => {
            await addStop(tx, scope, why, now);
            await append(services.store, tx, entry(now, 'factory.stopped', scope, why));
          });
          return {
            value: { stopped: scope, reason: why },
            text: `Stopped ${scope}. Go on with \`millwright resume\`.`,
          };
        }),
      ),
    );
  program
    .command('resume')
    .description('end stops: the factory, or the role, works on')
    .option('--role <role>', 'only the one for this role')
    .action(
      handled<{ role?: string }>((_io, options) =>
        withFactory(options, async (services) => {
          const scope = options.role === undefined ? undefined : await scopeOf(services, options.role);
          const now = services.clock.now();
          const ended = await services.store.transaction(async (tx) => {
            const rows = await removeStop(tx, scope);
            for (const row of rows)
              await append(services.store, tx, entry(now, 'factory.resumed', row.scope, ''));
            return rows.map((row) => row.scope);
          });
          return {
            value: { resumed: ended },
            text: ended.length === 0 ? 'Nothing was stopped.' : `Resumed ${ended.join(', ')}.`,
          };
        }),
      ),
    );
}

async function scopeOf(services: Services, role: string | undefined): Promise<string> {
  if (role === undefined) return 'factory';
  const { factory } = await services.factory();
  if (factory.roles[role]) return `role:${role}`;
  const names = Object.keys(factory.roles).join(', ');
  throw new CommandError(
    'NO_ROLE',
    `There is no role "${shown(role)}".`,
    `Name one of ${names}.`,
    EXIT.usage,
  );
}

const entry = (at: number, event: string, scope: string, why: string) => ({
  at,
  session: 'server',
  agent: 'operator',
  role: 'operator',
  event,
  subject: scope,
  why,
});
