import type { Command } from 'commander';
import { checkpointId } from '../../servers/core/ids.ts';
import { withFactory } from '../factories.ts';
import { handled } from '../handled.ts';
import { minuteOf, shown, table, when } from '../io.ts';
import { openCheckpoints } from '../status_queries.ts';

export function checkpoints(program: Command): void {
  program
    .command('checkpoints')
    .description('the decisions that wait for a human, each with the id that `millwright approve` takes')
    .action(
      handled((_io, options) =>
        withFactory(options, async (services) => {
          const open = await openCheckpoints(services.store.db, services.clock.now());
          const value = open.map((one) => ({
            id: checkpointId(one.id),
            name: one.name,
            title: one.title,
            digest: one.digest,
            requestedBy: one.requested_by,
            requested: when(one.requested_at),
            expires: when(one.expires_at),
          }));
          const rows = open.map((one) => [
            checkpointId(one.id),
            one.name,
            one.requested_by,
            minuteOf(one.expires_at),
            shown(one.title, 60),
          ]);
          const text =
            open.length === 0
              ? 'Nothing waits for you.'
              : `${table(['id', 'name', 'asked by', 'expires', 'title'], rows)}\n\nRead and decide: millwright approve ID [--reject]`;
          return { value: { checkpoints: value }, text };
        }),
      ),
    );
}
