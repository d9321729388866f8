import { join } from 'node:path';
import type { Command } from 'commander';
import { enrol } from '../../servers/core/factory/create.ts';
import { taskId } from '../../servers/core/ids.ts';
import { append } from '../../servers/core/record.ts';
import { withFactory } from '../factories.ts';
import { handled } from '../handled.ts';
import { shown } from '../io.ts';
import { takeRun } from '../queries.ts';

const HOUR_MS = 3_600_000;

export function runs(program: Command): void {
  const group = program
    .command('runs')
    .description('runs of agents that other agents asked for and somebody has to start');
  group
    .command('take')
    .description('take the oldest queued run: enrols its agent for one hour and prints what to start it with')
    .action(
      handled((_io, options) =>
        withFactory(options, async (services) => {
          const now = services.clock.now();
          const run = await services.store.transaction(async (tx) => {
            const row = await takeRun(tx, now);
            if (!row) return undefined;
            await append(services.store, tx, {
              at: now,
              session: 'server',
              agent: row.agent,
              role: row.role,
              event: 'run.taken',
              subject: `run:${row.id}`,
            });
            return row;
          });
          if (!run) return { value: { run: null }, text: 'No run is queued.' };
          // In a folder of its own: the agent's standing enrolment stays as it is.
          const enrolments = join(services.paths.enrolments, 'runs', String(run.id));
          const own = { ...services, paths: { ...services.paths, enrolments } };
          const enrolment = await enrol(own, run.agent, now + HOUR_MS);
          const task = run.task === null ? null : taskId(run.task);
          return {
            value: { run: run.id, agent: run.agent, role: run.role, task, message: run.message, enrolment },
            text: [
              `agent      ${run.agent}`,
              `role       ${run.role}`,
              `task       ${task ?? 'none'}`,
              `message    ${shown(run.message)}`,
              `enrolment  ${enrolment}`,
            ].join('\n'),
          };
        }),
      ),
    );
}
