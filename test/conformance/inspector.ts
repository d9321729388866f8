import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { onTestFinished } from 'vitest';
import { LAUNCHER, ROOT } from '../cli/command.ts';

/** Most of its time goes into compiling itself. */
const CACHE = join(ROOT, 'node_modules', '.cache', 'inspector');
const PROGRAM = join(ROOT, 'node_modules', '.bin', 'mcp-inspector');

/** What the inspector connects to: a URL with a session's token, or the stdio server of an enrolment. */
export type Target = { url: string; token: string } | { home: string; enrolment: string };

export interface Inspected {
  exit: number;
  stderr: string;
  /** The server's result, as the inspector understood it. */
  result: Record<string, unknown>;
}

/** One request of the official inspector's command line. */
export async function inspect(
  target: Target,
  era: 'legacy' | 'modern',
  method: string,
  options: readonly string[] = [],
): Promise<Inspected> {
  const home = await mkdtemp(join(tmpdir(), 'millwright-inspector-'));
  onTestFinished(() => rm(home, { recursive: true, force: true, maxRetries: 3 }));
  const where =
    'url' in target
      ? [`${target.url}/mcp`, '--transport', 'http', '--header', `Authorization: Bearer ${target.token}`]
      : [
          process.execPath,
          LAUNCHER,
          'mcp',
          '--enrolment',
          target.enrolment,
          '-e',
          `MILLWRIGHT_HOME=${target.home}`,
        ];
  const asked = ['--protocol-era', era, '--method', method, ...options, '--format', 'json'];
  const { exitCode, stdout, stderr } = await execa(PROGRAM, ['--cli', ...where, ...asked], {
    env: { PATH: process.env.PATH ?? '', TMPDIR: tmpdir(), HOME: home, NODE_COMPILE_CACHE: CACHE },
    extendEnv: false,
    cwd: home,
    reject: false,
    timeout: 30_000,
  });
  const result = stdout.startsWith('{') ? (JSON.parse(stdout) as { result: Inspected['result'] }).result : {};
  return { exit: exitCode ?? -1, stderr, result };
}
