import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { serveStdioAgent } from '../servers/core/serve.ts';

/** Hosts give a server ten seconds to start. */
const PATIENCE_MS = 8000;
/** For what keeps an ended server alive by mistake. */
const LONGEST_END_MS = 5000;

/**
 * `millwright mcp --enrolment FILE [--servers a,b] [--wait SECONDS]`: one agent's servers over stdio. Kept apart from the rest of
 * the command line, which a host that starts many of these must not load.
 */
export async function mcp(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const enrolment = optionOf(args, '--enrolment') ?? env.MILLWRIGHT_ENROLMENT;
  if (!enrolment)
    throw new Error('Which agent? Give --enrolment FILE; `millwright enrol AGENT` prints the path.');
  const servers = optionOf(args, '--servers')?.split(',').filter(Boolean);
  await serveStdioAgent({
    enrolment,
    load: async () => (await import('../servers/fleet.ts')).loadFleet(servers),
    databaseUrl: env.DATABASE_URL,
    root: env.CLAUDE_CODE_SESSION_ID,
    patience: patienceOf(optionOf(args, '--wait')),
  });
  setTimeout(() => process.exit(), LONGEST_END_MS).unref();
}

/** From seconds to milliseconds. */
function patienceOf(text: string | undefined): number {
  if (text === undefined) return PATIENCE_MS;
  const seconds = Number(text);
  if (seconds >= 0 && seconds <= 600) return seconds * 1000;
  throw new Error('How long? Give --wait a number of seconds from 0 to 600.');
}

function optionOf(args: readonly string[], flag: string): string | undefined {
  const index = args.findIndex((arg) => arg === flag || arg.startsWith(`${flag}=`));
  if (index < 0) return undefined;
  return args[index]?.includes('=') ? args[index].slice(flag.length + 1) : args[index + 1];
}

/** Started by itself, as a bench or a test does, it is the command. */
if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  await mcp(process.argv.slice(2), process.env).catch((error: Error) => {
    process.stderr.write(`millwright: ${error.message}\n`);
    process.exitCode = 1;
  });
}
