import { join } from 'node:path';
import { build } from 'esbuild';
import { PACKAGE_ROOT } from '../../servers/core/version.ts';
import type { Program } from './stdio_client.ts';

/** The bare server that ours is held against, bundled into `folder` as scripts/build.mjs bundles ours. */
export async function echoServer(folder: string): Promise<Program> {
  const outfile = join(folder, 'echo.mjs');
  await build({
    absWorkingDir: PACKAGE_ROOT,
    entryPoints: ['test/bench/echo_server.ts'],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node22.12',
    logLevel: 'warning',
  });
  return { file: process.execPath, args: [outfile] };
}

/** The millwright command as a person starts it. */
export function commandLine(args: readonly string[]): Program {
  return { file: process.execPath, args: [join(PACKAGE_ROOT, 'bin', 'millwright.cjs'), ...args] };
}

/** Our server as a host's configuration starts it. */
export const agentServer = (enrolment: string): Program => commandLine(['mcp', '--enrolment', enrolment]);

/** A program of this folder, run from its source. */
export function workerProgram(
  name: 'claim_worker' | 'bare_claim_worker' | 'token_worker',
  args: readonly string[],
): Program {
  return { file: process.execPath, args: [join(PACKAGE_ROOT, 'test', 'bench', `${name}.ts`), ...args] };
}
