import type { Command } from 'commander';
import { audit } from './words/audit.ts';
import { compare } from './words/compare.ts';
import { test } from './words/test.ts';

/** The words of the roles under test; one file a subcommand. */
export function words(program: Command): void {
  const command = program
    .command('words')
    .description("the roles' prompts and souls: what they cost, what is wrong, and whether they hold");
  for (const add of [audit, test, compare]) add(command);
}
