import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { isDaemonUrl } from '../../servers/core/enrolment.ts';
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
    .option(
      '--url <url>',
      "for an agent of another user or machine: the daemon's address, and nothing of the home",
    )
    .option('--ca <file>', "the authority (PEM) that signed the daemon's certificate; with --url")
    .action(
      handled<Options>((_io, options, agent = '') =>
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
          const path = await enrolAgent(services, agent, expires, await remoteOf(options));
          const until = expires === null ? 'until it is revoked' : `until ${when(expires)}`;
          const move =
            options.url === undefined
              ? ''
              : "Move that file to the agent's user or machine, keep its mode 0600, and name its new place below.\n";
          return {
            value: { agent, enrolment: path, expires: expires === null ? null : when(expires) },
            text: `${move}${agent} may start sessions ${until} with\n  ${path}\n\nClaude Code:\n  ${claudeCode(agent, path)}\nCodex:\n  ${codex(agent, path)}`,
          };
        }),
      ),
    );
}

interface Options {
  hours?: string;
  url?: string;
  ca?: string;
}

/** Where an agent finds the daemon when it cannot see the home; throws a usage error for what is no such place. */
async function remoteOf({ url, ca }: Options): Promise<{ url: string; ca?: string } | undefined> {
  if (url === undefined && ca === undefined) return undefined;
  if (url === undefined || !isDaemonUrl(url)) {
    throw new CommandError(
      'URL',
      url === undefined ? '--ca stands without --url.' : `"${shown(url)}" is no address of a daemon.`,
      'Give https://HOST:PORT, or http://127.0.0.1:PORT for an agent on this machine.',
      EXIT.usage,
    );
  }
  const origin = new URL(url).origin;
  if (ca === undefined) return { url: origin };
  const pem = await readFile(ca, 'utf8').catch(() => '');
  if (/^-----BEGIN CERTIFICATE-----$/m.test(pem)) return { url: origin, ca: pem };
  throw new CommandError('CA', `"${shown(ca)}" holds no certificate.`, 'Give a PEM file.', EXIT.usage);
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
