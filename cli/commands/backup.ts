import { chmod } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { withFactory } from '../factories.ts';
import { CommandError, EXIT } from '../failures.ts';
import { handled } from '../handled.ts';
import { copyStore } from '../queries.ts';

export function backup(program: Command): void {
  program
    .command('backup <file>')
    .description('copy the whole store into a new file while the factory goes on working')
    .action(
      handled((_io, options, given = '') =>
        withFactory(options, async ({ store }) => {
          if (store.dialect !== 'sqlite') {
            throw new CommandError(
              'NOT_A_FILE',
              'This store is a PostgreSQL database.',
              'Use pg_dump.',
              EXIT.usage,
            );
          }
          const file = resolve(given);
          await copyStore(store.db, file).catch((error: Error) => {
            if (!/already exists/.test(error.message)) throw error;
            throw new CommandError('EXISTS', `The file ${file} exists.`, 'Name a new one.');
          });
          await chmod(file, 0o600);
          return { value: { file }, text: `The store is copied to ${file}.` };
        }),
      ),
    );
}
