import type { Command } from 'commander';

export function runs(program: Command): void {
  program.command('runs').description('runs of agents');
}
