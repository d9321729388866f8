import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

const LAUNCHER = join(dirname(fileURLToPath(import.meta.url)), '..', 'bin', 'millwright.cjs');
const MCP = join(dirname(fileURLToPath(import.meta.url)), '..', 'dist', 'mcp.js');

/** What one run of the command line said. */
export interface CommandResult {
  exit: number;
  stdout: string;
  stderr: string;
  /** The object that `--json` printed, if it did. */
  json: Record<string, unknown>;
}

/** The command line as a person would use it: a process of its own, on the rehearsal's factory. */
export type CommandLine = (args: readonly string[], input?: string) => Promise<CommandResult>;

/** How a host starts an agent's servers. */
export const serverCommand = (enrolment: string) => ({
  command: process.execPath,
  args: [MCP, '--enrolment', enrolment],
});

/** Runs `millwright ARGS --json` with this home; never throws for an exit code. */
export function commandLine(home: string, cwd: string, signal: AbortSignal): CommandLine {
  return async (args, input) => {
    const run = await execa(process.execPath, [LAUNCHER, ...args, '--json'], {
      cwd,
      env: environment(home),
      extendEnv: false,
      reject: false,
      input: input ?? '',
      cancelSignal: signal,
      timeout: 60_000,
    });
    return { exit: run.exitCode ?? 1, stdout: run.stdout, stderr: run.stderr, json: parsed(run.stdout) };
  };
}

/** What the rehearsal's processes inherit: where to find programs, and which factories are theirs. */
export function environment(home: string): Record<string, string> {
  const { PATH = '/usr/bin:/bin', HOME = '/', TMPDIR, LANG, MILLWRIGHT_CHROMIUM } = process.env;
  return {
    PATH,
    HOME,
    ...(TMPDIR && { TMPDIR }),
    ...(LANG && { LANG }),
    ...(MILLWRIGHT_CHROMIUM && { MILLWRIGHT_CHROMIUM }),
    MILLWRIGHT_HOME: home,
  };
}

function parsed(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
