import type { Command } from 'commander';
import { handled } from '../handled.ts';

/** The launcher starts cli/mcp.ts by itself; this is its --help, and the way from the sources. */
export function mcp(program: Command): void {
  program
    .command('mcp')
    .description("serve one agent's tools to a host over stdio")
    .requiredOption('--enrolment <file>', 'whose: the file that `millwright enrol` printed')
    .option('--servers <list>', 'only these servers, for example tasks,repo')
    .action(
      handled<{ enrolment: string; servers?: string }>(async (_io, { enrolment, servers }) => {
        const { mcp: serve } = await import('../mcp.ts');
        await serve(['--enrolment', enrolment, ...(servers ? ['--servers', servers] : [])], process.env);
        return undefined;
      }),
    );
}
