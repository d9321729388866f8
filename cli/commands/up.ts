import type { Command } from 'commander';
import type { Separation } from '../../servers/core/separation.ts';
import type { Services } from '../../servers/core/services.ts';
import { openFactory } from '../factories.ts';
import { CommandError, EXIT } from '../failures.ts';
import { handled } from '../handled.ts';
import { onInterrupt } from '../interrupt.ts';
import { type Io, shown } from '../io.ts';
import { separationFor } from '../separation.ts';

interface UpOptions {
  port: string;
  host: string;
  allow?: string[];
  tlsCert?: string;
  tlsKey?: string;
  behindProxy?: boolean;
  runner: boolean;
  user?: string[] | boolean;
  agentsFolder?: string;
}

const LOOK_AT_HOME_MS = 60_000;
const FATE_OF_SESSIONS = {
  sqlite: 'sessions give back what they hold',
  postgres: 'sessions go on at the other servers',
};
/** A shared file system may show a new commit a little later. */
const MISSES = 2;

export function up(program: Command): void {
  program
    .command('up')
    .description('serve the fleet over HTTP until SIGTERM or Ctrl-C')
    .option('--port <n>', 'which port; 0 takes a free one', '8930')
    .option('--host <address>', 'which address to listen on', '127.0.0.1')
    .option('--allow <name...>', 'host names besides localhost that requests may be addressed to')
    .option('--tls-cert <file>', 'certificate with its chain (PEM); read again on SIGHUP')
    .option('--tls-key <file>', 'its key (PEM)')
    .option(
      '--user <name...>',
      'agents run as these users of the machine, each for one run at a time (tier 2)',
    )
    .option('--no-user', 'agents share the user of the servers again (tier 1)')
    .option('--agents-folder <dir>', 'where agents work with --user, outside the home')
    .option('--no-runner', 'start no host for queued runs of agents')
    .option('--behind-proxy', 'a proxy in front speaks TLS: listen without it, beyond this machine too')
    .action(
      handled<UpOptions>(async (io, options) => {
        const port = portOf(options.port);
        const tls = tlsOf(options);
        const stopped = stopSignal(tls ? ['SIGTERM', 'SIGINT'] : ['SIGTERM', 'SIGINT', 'SIGHUP']);
        const [{ serveHttp }, { announceDaemon }] = await Promise.all([
          import('../../servers/core/http.ts'),
          import('../../servers/core/daemon.ts'),
        ]);
        const { fleet, services } = await openFactory(options);
        try {
          await services.factory();
          const separation = await separationFor(services.paths, options);
          if (separation) io.progress(separatedInWords(separation));
          const home = await watchHome(services);
          const server = await serveHttp({
            services,
            fleet: fleet.tools,
            host: options.host,
            port,
            allowedHosts: options.allow ?? [],
            tls,
            behindProxy: options.behindProxy ?? false,
          });
          if (tls) process.on('SIGHUP', () => void reload(io, server.reload));
          const runner = options.runner
            ? await (await import('../runner.ts')).openRunner(services, fleet.tools, server.url, io)
            : undefined;
          const withdraw = await announceDaemon(services.paths.home, server.url);
          io.line({ ok: true, url: `${server.url}/mcp` }, `${server.url}/mcp`);
          io.progress(`Ctrl-C ends it; ${FATE_OF_SESSIONS[services.store.dialect]}.`);
          const fault = await Promise.race([stopped, home.fault]);
          home.stop();
          io.progress('Ending: running calls have ten seconds to finish.');
          // At once: a runner that waits for the store keeps nobody from being told that this server ends.
          const ends = [server.close(), withdraw(), runner?.stop('The factory was shut down.')];
          const failed = (await Promise.allSettled(ends)).find((end) => end.status === 'rejected');
          if (fault ?? failed) throw fault ?? failed?.reason;
        } finally {
          await services.close();
        }
        return undefined;
      }),
    );
}

function separatedInWords({ users, folder }: Separation): string {
  const names = users.map(({ name }) => name).join(', ');
  const many = users.length === 1 ? 'one run at a time' : `${users.length} runs at once`;
  return `Agents run as ${names}, in ${folder}: ${many}, each with its user to itself.`;
}

/** Resolves, without a fault, on the first of these signals. */
const stopSignal = (signals: readonly NodeJS.Signals[]) =>
  new Promise<undefined>((resolve) => {
    onInterrupt(() => resolve(undefined), signals);
  });

async function reload(io: Io, again: () => Promise<void>): Promise<void> {
  try {
    await again();
    io.progress('The certificate was read again.');
  } catch (error) {
    io.progress(`${error instanceof Error ? error.message : String(error)} The old one stays in use.`);
  }
}

/**
 * Where several machines may serve one store, sees to it that this one has the mainline that all share, now and
 * every minute: a folder that was copied shows itself with the first change that another machine takes.
 */
async function watchHome(services: Services): Promise<{ fault: Promise<Error>; stop(): void }> {
  if (services.store.dialect !== 'postgres') return { fault: new Promise(() => {}), stop() {} };
  const { refuseCopiedHome } = await import('../../servers/core/home.ts');
  await refuseCopiedHome(services);
  let timer: NodeJS.Timeout | undefined;
  let misses = 0;
  const fault = new Promise<Error>((resolve) => {
    const look = async () => {
      try {
        await refuseCopiedHome(services);
        misses = 0;
      } catch (error) {
        services.log(`home: ${String(error)}`);
        const isForeign = error instanceof Error && error.name === 'ForeignHome';
        if (isForeign && ++misses === MISSES) resolve(error);
      }
    };
    timer = setInterval(() => void look(), LOOK_AT_HOME_MS);
  });
  return { fault, stop: () => clearInterval(timer) };
}

function tlsOf({ tlsCert, tlsKey }: UpOptions): { cert: string; key: string } | undefined {
  if (tlsCert !== undefined && tlsKey !== undefined) return { cert: tlsCert, key: tlsKey };
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  throw new CommandError(
    'TLS',
    'A certificate needs its key, and a key its certificate.',
    'Give both --tls-cert FILE and --tls-key FILE.',
    EXIT.usage,
  );
}

function portOf(text: string): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port;
  throw new CommandError(
    'PORT',
    `"${shown(text)}" is no port.`,
    'Give a number from 0 to 65535.',
    EXIT.usage,
  );
}
