import type { Command } from 'commander';
import { card } from './memory/card.ts';
import { edit } from './memory/edit.ts';
import { show } from './memory/show.ts';

/** What agents keep between sessions; one file a subcommand. */
export function memory(program: Command): void {
  const command = program.command('memory').description('what agents remember: look at it, correct it');
  for (const add of [show, edit, card]) add(command);
}
