import type { Command } from 'commander';

export function run(program: Command): void {
  program.command('run <request...>').description('the whole line');
}
