import type { Command } from 'commander';
import { card } from './memory/card.ts';
import { edit } from './memory/edit.ts';
import { evalFile } from './memory/eval.ts';
import { exportFile } from './memory/export.ts';
import { importFile } from './memory/import.ts';
import { search } from './memory/search.ts';
import { show } from './memory/show.ts';

/** What agents keep between sessions; one file a subcommand. */
export function memory(program: Command): void {
  const command = program
    .command('memory')
    .description('what agents remember: look at it, correct it, carry it, measure its search');
  for (const add of [show, search, edit, importFile, exportFile, evalFile, card]) add(command);
}
