import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { ToolError } from '../../errors.ts';
import { runtimeHolder } from './claim.ts';
import { isRunning } from './processes.ts';
import { type RuntimeInfo, readRuntimeInfo } from './runtime_info.ts';
import { tailOfRuntimeLog } from './runtime_log.ts';

const PATIENCE_MS = 30_000;
const POLL_MS = 25;
const PASSED_ON = ['PATH', 'HOME', 'TMPDIR', 'LANG'];

/** The command line of the runtime, without its argument: beside this file, as source or bundled. */
export function defaultRuntimeCommand(): string[] {
  const file = import.meta.url.endsWith('.ts') ? './runtime.ts' : './runtime.js';
  return [process.execPath, fileURLToPath(new URL(file, import.meta.url))];
}

/** The runtime of a state folder, started if none runs. Any number of processes may ask at once; one starts. */
export async function ensureRuntime(dir: string, command: readonly string[]): Promise<RuntimeInfo> {
  const deadline = performance.now() + PATIENCE_MS;
  let attempt: Attempt | undefined;
  while (performance.now() < deadline) {
    const info = await runningRuntime(dir);
    if (info) return info;
    if (!(await runtimeHolder(dir))) {
      if (attempt?.exit === 0 || attempt?.exit === null) attempt = undefined;
      if (attempt?.exit !== undefined) throw await startFailure(dir);
      attempt ??= launch(dir, command);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw await startFailure(dir);
}

/** The runtime that serves a state folder now, or null. */
async function runningRuntime(dir: string): Promise<RuntimeInfo | null> {
  const info = await readRuntimeInfo(dir);
  return info && (await isRunning(info)) ? info : null;
}

interface Attempt {
  /** Set once the process has ended: 0 when another runtime had the claim, null when a signal ended it. */
  exit?: number | null;
}

/** Starts the runtime in a process group of its own, with nothing of this process's environment but a few paths. */
function launch(dir: string, [file, ...args]: readonly string[]): Attempt {
  if (file === undefined) throw new Error('the command of the runtime is empty');
  const attempt: Attempt = {};
  const runtime = execa(file, [...args, dir], {
    cwd: dir,
    env: passedOn(),
    extendEnv: false,
    detached: true,
    cleanup: false,
    stdio: 'ignore',
    reject: false,
  });
  runtime.nodeChildProcess.unref();
  void runtime.then(({ exitCode }) => {
    attempt.exit = exitCode ?? null;
  });
  return attempt;
}

const passedOn = (): Record<string, string> =>
  Object.fromEntries(
    PASSED_ON.flatMap((name) => (process.env[name] ? [[name, process.env[name] ?? '']] : [])),
  );

async function startFailure(dir: string): Promise<ToolError> {
  return new ToolError(
    'UPSTREAM',
    'The local Workers runtime does not start.',
    'Tell the human to run `millwright doctor`; runtime.log in the folder of the local target has the reason.',
    { cause: new Error(await tailOfRuntimeLog(dir)) },
  );
}
