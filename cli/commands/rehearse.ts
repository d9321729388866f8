import type { Command } from 'commander';
import { type GlobalOptions, handled } from '../handled.ts';

/** What `rehearsal/main.ts` exports; it prints its own result and returns the exit code. */
interface Rehearsal {
  rehearse(options: { factory?: string; keep?: string; json: boolean }): Promise<number>;
}

export function rehearse(program: Command): void {
  program
    .command('rehearse')
    .description(
      'run the product pipeline once from end to end, on throw-away state; --factory takes a preset or a file',
    )
    .option('--keep <dir>', 'keep everything it made in this folder')
    .action(
      handled<GlobalOptions & { keep?: string }>(async (io, { factory, keep }) => {
        const { rehearse: run } = (await import('../../rehearsal/main.ts')) as Rehearsal;
        return run({ ...(factory && { factory }), ...(keep && { keep }), json: io.json });
      }),
    );
}
