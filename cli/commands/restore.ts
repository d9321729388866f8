import { resolve } from 'node:path';
import type { Command } from 'commander';
import { isPostgres } from '../../servers/core/store/store.ts';
import { restoreBackup } from '../backup_restore.ts';
import { homeOf } from '../factories.ts';
import { CommandError, EXIT } from '../failures.ts';
import { type GlobalOptions, handled } from '../handled.ts';
import type { Io, Result } from '../io.ts';

interface RestoreOptions {
  to?: string;
  head?: string;
}

export function restore(program: Command): void {
  program
    .command('restore <folder>')
    .description(
      'verify everything in a backup, then make the factory anew from it; --home must not have it yet',
    )
    .option('--to <url>', 'a PostgreSQL URL for the store; else $DATABASE_URL, else a file of the factory')
    .option('--head <file>', 'a head that was exported earlier and kept elsewhere; the backup must hold it')
    .action(handled<RestoreOptions>((io, options, folder = '') => run(io, options, resolve(folder))));
}

async function run(io: Io, options: RestoreOptions & GlobalOptions, folder: string): Promise<Result> {
  const to = options.to ?? process.env.DATABASE_URL;
  if (to !== undefined && !isPostgres(to)) {
    throw new CommandError(
      'NOT_A_URL',
      'That is no PostgreSQL URL.',
      'Give --to postgres://…, or leave it out: the store is then a file of the factory.',
      EXIT.usage,
    );
  }
  const restored = await restoreBackup(folder, homeOf(options), { to, head: options.head }, io.progress);
  const { home, held, ended, freed } = restored;
  const { factory } = held.manifest;
  return {
    value: {
      factory,
      home,
      verified: true,
      entries: held.entries,
      head: held.head,
      statements: held.statements,
      mainline: held.mainline,
      sessions_ended: ended,
      leases_ended: freed,
    },
    text: [
      `Factory ${factory} is in ${home}: ${held.entries} entries, ${held.heads} heads and ${held.statements} attestations held.`,
      `${ended} sessions and ${freed} leases of the past are ended; tasks in work are ready again, jobs go on.`,
      ...(to === undefined
        ? []
        : ['Set DATABASE_URL to that database for every host and command of this factory.']),
      'Enrolments of the past are revoked. Next, in the repository of the product:',
      '  millwright init      new enrolments, and the remote `factory`',
      '  millwright doctor    what this machine lacks',
    ].join('\n'),
  };
}
