import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { endOf, printed } from '../core/outcome.ts';
import type { Layer, Sandbox } from '../core/sandbox/sandbox.ts';
import type { ProductStart } from './product/start.ts';
import { programFor, scriptOf } from './program.ts';
import { outputOf, withRoom } from './room.ts';
import type { ProgramResult, ProgramRun } from './target.ts';

const WHY_CHARS = 600;
const OUTPUT_BYTES = 16_000_000;

/**
 * Runs one of our programs in the sandbox beside a product that `layOut` puts into its folder. The program has no
 * network but its own loopback, and all it started is dead when this settles. `parent` is where its folder is made.
 */
export function runContained(
  sandbox: Sandbox,
  own: readonly Layer[],
  layOut: (work: string) => Promise<ProductStart>,
  { program, input, limits, layers = [], env, signal }: ProgramRun,
  parent?: string,
): Promise<ProgramResult> {
  return withRoom(async (room) => {
    const work = join(room, 'job');
    await mkdir(work);
    const product = await layOut(work);
    const { script, layers: ours } = programFor(sandbox, program);
    const result = await sandbox.run({
      command: ['node', script],
      work,
      layers: [...ours, ...own, ...layers],
      input: JSON.stringify({ ...input, product }),
      limits: { outputBytes: OUTPUT_BYTES, ...limits },
      ...(env && { env }),
      ...(signal && { signal }),
    });
    const why =
      result.exit === 0 && result.killedBy === null ? '' : `${program}: ${endOf(result)}. ${printed(result)}`;
    return { ...read(result.stdout, why), files: await outputOf(work) };
  }, parent);
}

/**
 * Runs one of our programs here, against a product that runs already. It gets an empty home and folder for temporary
 * files, none of the environment's secrets, and its process group is killed at the end.
 */
export function runBeside(
  origin: string,
  { program, input, limits, env, signal, progress }: ProgramRun,
): Promise<ProgramResult> {
  return withRoom(async (room) => {
    const work = join(room, 'job');
    await mkdir(work);
    const child = execa(process.execPath, [scriptOf(program)], {
      cwd: work,
      env: { PATH: process.env['PATH'] ?? '', HOME: room, TMPDIR: room, LANG: 'C.UTF-8', ...env },
      extendEnv: false,
      input: JSON.stringify({ ...input, product: { kind: 'url', origin } }),
      reject: false,
      detached: true,
      maxBuffer: OUTPUT_BYTES,
    });
    const kill = () => {
      try {
        if (child.pid) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It has ended.
      }
    };
    child.stderr.on('data', (chunk: Buffer) => progress?.(chunk.toString().trim()));
    const timer = setTimeout(kill, limits.wallMs);
    signal?.addEventListener('abort', kill, { once: true });
    process.once('exit', kill);
    try {
      const { stdout, stderr, exitCode } = await child;
      const why = exitCode === 0 ? '' : `${program}: ended with ${exitCode ?? 'a signal'}. ${stderr}`;
      return { ...read(stdout, why), files: await outputOf(work) };
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', kill);
      process.off('exit', kill);
      kill();
    }
  });
}

function read(stdout: string, why: string): Pick<ProgramResult, 'report' | 'why'> {
  if (why !== '') return { report: undefined, why: why.slice(0, WHY_CHARS) };
  try {
    return { report: JSON.parse(stdout), why: '' };
  } catch {
    return { report: undefined, why: 'it printed no report' };
  }
}
