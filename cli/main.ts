import { Command, CommanderError } from 'commander';
import { VERSION } from '../servers/core/version.ts';
import { COMMANDS } from './commands.ts';
import { EXIT, EXIT_TABLE } from './failures.ts';
import { printFailure } from './io.ts';

/** Runs one command line (without node and script); the exit code is left in `process.exitCode`. */
export async function main(args: readonly string[]): Promise<void> {
  // A reader that closed early (`| head`) is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) =>
    process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.failed),
  );
  const json = args.includes('--json');
  try {
    const root = await program(args, json);
    if (args.length === 0) return root.outputHelp();
    await root.parseAsync([...args], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    if (json && error.exitCode !== 0) printFailure(true, usage(error.message));
  }
}

/** With the commands that `args` may mean, so that no other has to be loaded; with all of them where none is named. */
async function program(args: readonly string[], json: boolean): Promise<Command> {
  const root = new Command('millwright')
    .description('A fleet of MCP servers that makes a software factory of coding agents hold.')
    .version(VERSION)
    .option('--json', 'print one JSON object on stdout, also on failure')
    .option('--factory <name>', 'which factory; else the one of this repository, else the only one')
    .option('--home <dir>', 'the folder of all factories (default $MILLWRIGHT_HOME, else ~/.millwright)')
    .configureHelp({ showGlobalOptions: true })
    .addHelpText('after', EXIT_TABLE);
  const isNamed = (names: string) => names.split(' ').some((name) => args.includes(name));
  const isAnyNamed = COMMANDS.some(([, commands]) => Object.keys(commands).some(isNamed));
  for (const [heading, commands] of COMMANDS) {
    root.commandsGroup(heading);
    for (const [names, add] of Object.entries(commands)) if (!isAnyNamed || isNamed(names)) await add(root);
  }
  settleAll(root, json);
  return root;
}

/** Every command throws instead of exiting, shows the global options, and is silent on stderr under --json. */
function settleAll(command: Command, json: boolean): void {
  command.exitOverride().configureHelp({ showGlobalOptions: true });
  if (json) command.configureOutput({ writeErr: () => {} });
  else command.showHelpAfterError('See --help.');
  for (const child of command.commands) settleAll(child, json);
}

const usage = (message: string) => ({
  code: 'USAGE',
  message: message === '(outputHelp)' ? 'The command is not complete.' : message.replace(/^error: /, ''),
  remedy: 'See `millwright --help`.',
  exit: EXIT.usage,
});
