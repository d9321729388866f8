import type { Command } from 'commander';
import { openFactory } from '../factories.ts';
import { CommandError, EXIT } from '../failures.ts';
import { handled } from '../handled.ts';
import { shown } from '../io.ts';

interface UpOptions {
  port: string;
  host: string;
  allow?: string[];
}

export function up(program: Command): void {
  program
    .command('up')
    .description('serve the fleet over HTTP until SIGTERM or Ctrl-C')
    .option('--port <n>', 'which port; 0 takes a free one', '8930')
    .option('--host <address>', 'which address to listen on', '127.0.0.1')
    .option('--allow <name...>', 'host names besides localhost that requests may be addressed to')
    .action(
      handled<UpOptions>(async (io, options) => {
        const port = portOf(options.port);
        const stopped = new Promise<string>((resolve) => {
          for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const)
            process.once(signal, () => resolve(signal));
        });
        const { serveHttp } = await import('../../servers/core/http.ts');
        const { fleet, services } = await openFactory(options);
        try {
          await services.factory();
          const { host, allow } = options;
          const server = await serveHttp({
            services,
            fleet: fleet.tools,
            host,
            port,
            allowedHosts: allow ?? [],
          });
          io.line({ ok: true, url: `${server.url}/mcp` }, `${server.url}/mcp`);
          io.progress('Ctrl-C ends it; sessions give back what they hold.');
          await stopped;
          io.progress('Ending: running calls have ten seconds to finish.');
          await server.close();
        } finally {
          await services.close();
        }
        return undefined;
      }),
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
