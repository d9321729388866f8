import { readdir, stat } from 'node:fs/promises';
import { resolve, sep } from 'node:path';
import type { Command } from 'commander';
import type { FactoryPaths } from '../../servers/core/paths.ts';
import type { Services } from '../../servers/core/services.ts';
import { writeBackup, writeStoreCopy } from '../backup_write.ts';
import { productOf, withFactory } from '../factories.ts';
import { CommandError, EXIT } from '../failures.ts';
import { handled } from '../handled.ts';
import type { Io, Result } from '../io.ts';
import { writable } from '../places.ts';

/** A path that ends so names a copy of the store alone. */
const FILE = /\.(?:sqlite3?|db)$/;

const NOT_IN_IT =
  'Not in it: enrolments (they are credentials; `millwright init` makes new ones), human keys, clones, dependency layers and what the local target keeps.';

export function backup(program: Command): void {
  program
    .command('backup <place>')
    .description(
      'write a verified backup of the factory into a new folder while it goes on working; a path that ends in .sqlite takes the store alone',
    )
    .action(
      handled((io, options, given = '') =>
        withFactory(options, (services, name) => {
          const to = resolve(given);
          return writable(to, async () => {
            await assertNew(to);
            if (!FILE.test(to)) await assertOutside(to, services.paths);
            return FILE.test(to) ? storeAlone(io, services, to) : whole(io, services, name, to);
          });
        }),
      ),
    );
}

async function whole(io: Io, services: Services, name: string, to: string): Promise<Result> {
  const held = await writeBackup(services, name, to, io.progress);
  const { entries, head, heads, statements, mainline, manifest } = held;
  return {
    value: {
      folder: to,
      verified: true,
      entries,
      head,
      heads,
      statements,
      mainline,
      files: Object.keys(manifest.files),
    },
    text: [
      `The factory is in ${to}, and verified: the store is intact, ${entries} entries of the record, ${heads} heads and ${statements} attestations hold.`,
      `mainline ${mainline}`,
      `head     ${head}`,
      "It holds the factory's private key and is readable by you only: keep it as secret as the factory itself.",
      'Keep a head elsewhere too (`millwright record head --export`): only that shows a backup that was made anew.',
      NOT_IN_IT,
      'Put it back with `millwright restore`.',
    ].join('\n'),
  };
}

async function storeAlone(io: Io, services: Services, to: string): Promise<Result> {
  const { entries, head } = await writeStoreCopy(services, to, io.progress);
  return {
    value: { file: to, verified: true, entries, head },
    text: [
      `The store is copied to ${to}, and verified: it is intact, and the record's ${entries} entries hold.`,
      'Mainline and key are not in it; name a folder for a backup of everything.',
    ].join('\n'),
  };
}

/** The factory's key must not lie where a `git add` takes it along. */
async function assertOutside(to: string, paths: FactoryPaths): Promise<void> {
  const repository = (await productOf(paths))?.repository;
  if (repository === undefined || !`${to}${sep}`.startsWith(`${repository}${sep}`)) return;
  throw new CommandError(
    'BACKUP_INSIDE',
    `The backup, and with it the factory's key, would lie in the repository (${to}).`,
    'Name a folder outside of it.',
    EXIT.usage,
  );
}

/** An empty folder counts as new. */
async function assertNew(to: string): Promise<void> {
  const found = await stat(to).catch(() => undefined);
  if (!found || (found.isDirectory() && (await readdir(to)).length === 0)) return;
  throw new CommandError(
    'EXISTS',
    `${found.isFile() ? 'The file' : 'The folder'} ${to} exists.`,
    'Name a new one.',
  );
}
