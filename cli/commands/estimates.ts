import type { Command } from 'commander';
import { calibrations } from '../../servers/core/memory/estimates.ts';
import { withFactory } from '../factories.ts';
import { handled } from '../handled.ts';
import { table } from '../io.ts';

export function estimates(program: Command): void {
  program
    .command('estimates')
    .description(
      'what estimates were worth by phase and role: the factor to correct them by, its error, and real times',
    )
    .action(
      handled((_io, options) =>
        withFactory(options, async ({ store }) => {
          const found = await calibrations(store.db);
          const rows = found.map(({ phase, role, n, factor, from, to, took }) => [
            phase,
            role,
            String(n),
            `× ${factor}`,
            from === null ? '' : `${from} to ${to}`,
            took.map((minutes) => `${minutes}m`).join(', '),
          ]);
          const text =
            rows.length === 0
              ? 'Nothing of a pipeline has ended yet.'
              : table(['phase', 'role', 'n', 'factor', 'middle half', 'last took'], rows);
          return { value: { estimates: found }, text };
        }),
      ),
    );
}
