import { resolve } from 'node:path';
import type { Command } from 'commander';
import { definitionAt } from '../definition.ts';
import { checkGit } from '../doctor/machine.ts';
import { noGit } from '../failures.ts';
import { makeFolder } from '../folder.ts';
import { type GlobalOptions, handled } from '../handled.ts';

/** What `rehearsal/main.ts` exports; it prints its own result and returns the exit code. */
interface Rehearsal {
  rehearse(options: { factory?: string; keep?: string; json: boolean }): Promise<number>;
}

export function rehearse(program: Command): void {
  program
    .command('rehearse')
    .description(
      'run the product pipeline once from end to end with canned words, on throw-away state; costs no token. --factory takes a preset (solo, c-suite) or a file of yours',
    )
    .option('--keep <dir>', 'keep everything it made in this folder')
    .action(
      handled<GlobalOptions & { keep?: string }>(async (io, { factory, keep }) => {
        if ((await checkGit()).state === 'fault') throw noGit();
        if (factory) await definitionAt(factory);
        if (keep) await makeFolder(resolve(keep), '--keep');
        const { rehearse: run } = (await import('../../rehearsal/main.ts')) as Rehearsal;
        return run({ ...(factory && { factory }), ...(keep && { keep }), json: io.json });
      }),
    );
}
