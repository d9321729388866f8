import type { Command } from 'commander';
import { enrol as enrolAgent } from '../../servers/core/factory/create.ts';
import { withFactory } from '../factories.ts';
import { CommandError, EXIT } from '../failures.ts';
import { handled } from '../handled.ts';
import { claudeCode, codex } from '../host_config.ts';
import { shown, when } from '../io.ts';

export function enrol(program: Command): void {
  program
    .command('enrol <agent>')
    .description(
      'let a host (Claude Code, Codex) start sessions as this agent: writes a secret file and prints the line to add',
    )
    .option('--hours <n>', 'how long it lasts; without it until revoked')
    .action(
      handled<{ hours?: string }>((_io, options, agent = '') =>
        withFactory(options, async (services) => {
          const { factory } = await services.factory();
          const agents = Object.values(factory.roles).flatMap((role) => role.agents);
          if (!agents.includes(agent)) {
            throw new CommandError(
              'NO_AGENT',
              `There is no agent "${shown(agent)}".`,
              `Name one of ${agents.join(', ')}.`,
              EXIT.usage,
            );
          }
          const expires =
            options.hours === undefined
              ? null
              : Math.round(services.clock.now() + hours(options.hours) * 3_600_000);
          const path = await enrolAgent(services, agent, expires);
          const until = expires === null ? 'until it is revoked' : `until ${when(expires)}`;
          return {
            value: { agent, enrolment: path, expires: expires === null ? null : when(expires) },
            text: `${agent} may start sessions ${until} with\n  ${path}\n\nClaude Code:\n  ${claudeCode(agent, path)}\nCodex:\n  ${codex(agent, path)}`,
          };
        }),
      ),
    );
}

/** Hours as given on the command line; throws a usage error for anything but a number above 0 up to 8760. */
function hours(text: string): number {
  const value = Number(text);
  if (value > 0 && value <= 8760) return value;
  throw new CommandError(
    'HOURS',
    `"${shown(text)}" is no number of hours.`,
    'Give a number, for example --hours 8.',
    EXIT.usage,
  );
}
