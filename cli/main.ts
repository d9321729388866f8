import { Command, CommanderError } from 'commander';
import { VERSION } from '../servers/core/version.ts';
import { adopt } from './commands/adopt.ts';
import { approve } from './commands/approve.ts';
import { backup } from './commands/backup.ts';
import { checkpoints } from './commands/checkpoints.ts';
import { doctor } from './commands/doctor.ts';
import { enrol } from './commands/enrol.ts';
import { estimates } from './commands/estimates.ts';
import { factory } from './commands/factory.ts';
import { gates } from './commands/gates.ts';
import { human } from './commands/human.ts';
import { infra } from './commands/infra.ts';
import { init } from './commands/init.ts';
import { layer } from './commands/layer.ts';
import { learn } from './commands/learn.ts';
import { lessons } from './commands/lessons.ts';
import { mcp } from './commands/mcp.ts';
import { memory } from './commands/memory.ts';
import { migrate } from './commands/migrate.ts';
import { permissions } from './commands/permissions.ts';
import { pipeline } from './commands/pipeline.ts';
import { qa } from './commands/qa.ts';
import { record } from './commands/record.ts';
import { rehearse } from './commands/rehearse.ts';
import { releases } from './commands/releases.ts';
import { restore } from './commands/restore.ts';
import { rollback } from './commands/rollback.ts';
import { run } from './commands/run.ts';
import { runs } from './commands/runs.ts';
import { secret } from './commands/secret.ts';
import { selftest } from './commands/selftest.ts';
import { session } from './commands/session.ts';
import { ship } from './commands/ship.ts';
import { sign } from './commands/sign.ts';
import { status } from './commands/status.ts';
import { stop } from './commands/stop.ts';
import { up } from './commands/up.ts';
import { words } from './commands/words.ts';
import { EXIT, EXIT_TABLE } from './failures.ts';
import { printFailure } from './io.ts';

const COMMANDS: readonly [heading: string, commands: readonly ((program: Command) => void)[]][] = [
  ['Look first:', [rehearse, doctor, selftest, qa]],
  ['Set up:', [init, human, enrol, factory, permissions]],
  [
    'Every day:',
    [run, status, checkpoints, approve, adopt, pipeline, memory, lessons, learn, estimates, stop],
  ],
  ['Ship:', [ship, releases, rollback, infra, secret]],
  ['Serve agents:', [mcp, up, session, runs]],
  ['Evidence:', [record, gates, backup]],
  ['The words of the roles:', [words]],
  ['Seldom:', [migrate, restore, sign, layer]],
];

/** Runs one command line (without node and script); the exit code is left in `process.exitCode`. */
export async function main(args: readonly string[]): Promise<void> {
  // A reader that closed early (`| head`) is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) =>
    process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.failed),
  );
  const json = args.includes('--json');
  try {
    const root = program(json);
    if (args.length === 0) return root.outputHelp();
    await root.parseAsync([...args], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    if (json && error.exitCode !== 0) printFailure(true, usage(error.message));
  }
}

function program(json: boolean): Command {
  const root = new Command('millwright')
    .description('A fleet of MCP servers that makes a software factory of coding agents hold.')
    .version(VERSION)
    .option('--json', 'print one JSON object on stdout, also on failure')
    .option('--factory <name>', 'which factory; else the one of this repository, else the only one')
    .option('--home <dir>', 'the folder of all factories (default $MILLWRIGHT_HOME, else ~/.millwright)')
    .configureHelp({ showGlobalOptions: true })
    .addHelpText('after', EXIT_TABLE);
  for (const [heading, commands] of COMMANDS) {
    root.commandsGroup(heading);
    for (const add of commands) add(root);
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
