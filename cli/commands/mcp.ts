import type { Command } from 'commander';
import { handled } from '../handled.ts';

/** The launcher starts cli/mcp.ts by itself; this is its --help, and the way from the sources. */
export function mcp(program: Command): void {
  program
    .command('mcp')
    .description("serve one agent's tools to a host over stdio")
    .requiredOption('--enrolment <file>', 'whose: the file that `millwright enrol` printed')
    .option('--servers <list>', 'only these servers, for example tasks,repo')
    .option('--wait <seconds>', 'how long a request waits for a daemon that does not answer', '8')
    .action(
      handled<{ enrolment: string; servers?: string; wait: string }>(async (_io, options) => {
        const { enrolment, servers, wait } = options;
        const { mcp: serve } = await import('../mcp.ts');
        const only = servers ? ['--servers', servers] : [];
        await serve(['--enrolment', enrolment, '--wait', wait, ...only], process.env);
        return undefined;
      }),
    );
}
