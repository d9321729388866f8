import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { asUser, endAllOf } from '../../servers/core/os_user.ts';
import { killMarked } from '../../servers/core/sandbox/process-tree.ts';
import { byLine } from './lines.ts';
import type { Launch } from './port.ts';

/** Carried by everything that a host starts, also by what leaves its process group. */
const MARK = 'MILLWRIGHT_RUN';
const ERRORS_KEPT = 4000;

/** A host that was launched. */
export interface HostProcess {
  readonly pid: number;
  readonly mark: string;
  /** Resolves when the process has ended; never rejects. */
  readonly ended: Promise<{ exit: number | null; errors: string }>;
  /** Kills it with everything it started. */
  kill(): Promise<void>;
}

export interface Watchdog {
  /** `uid`: all that this user runs ends with the host. */
  watch(pid: number, mark: string, uid?: number): void;
  forget(pid: number): void;
  stop(): Promise<void>;
}

/** Starts the process that kills the hosts of this one should it die; in a session of its own, so that Ctrl-C spares it. */
export function startWatchdog(): Watchdog {
  const own = import.meta.url.endsWith('.ts') ? './watchdog.ts' : './run-watchdog.js';
  const program = fileURLToPath(new URL(own, import.meta.url));
  // Of node, since a pipe to a process that outlives this one is all that it needs.
  const child = spawn(process.execPath, [program], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    env: { PATH: process.env.PATH ?? '' },
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  child.stdin.on('error', () => {});
  child.unref();
  return {
    watch: (pid, mark, uid) => void child.stdin.write(`+ ${pid} ${mark} ${uid ?? ''}\n`),
    forget: (pid) => void child.stdin.write(`- ${pid}\n`),
    async stop() {
      child.stdin.end();
      await ended;
    },
  };
}

/**
 * Launches a host in a process group of its own and gives each line it prints to `take`. Throws when the program is not
 * there or cannot be started.
 */
export async function launchHost(
  { command, args, env, cwd, user }: Launch,
  watchdog: Pick<Watchdog, 'watch' | 'forget'>,
  take: (line: string) => void,
): Promise<HostProcess> {
  const mark = `${MARK}=${randomUUID()}`;
  const [name, value] = mark.split('=') as [string, string];
  const [file, ...rest] = user ? asUser(user, [command, ...args]) : [command, ...args];
  const child = execa(file ?? command, rest, {
    cwd,
    env: { ...env, [name]: value },
    extendEnv: false,
    detached: true,
    cleanup: false,
    stdin: 'ignore',
    buffer: false,
    reject: false,
  });
  const { pid } = child;
  if (pid === undefined) {
    const { originalMessage, shortMessage } = (await child) as {
      originalMessage?: string;
      shortMessage?: string;
    };
    throw new Error(originalMessage ?? shortMessage ?? `${command} cannot be started.`);
  }
  watchdog.watch(pid, mark, user?.uid);
  let errors = '';
  child.stdout.on('data', byLine(take));
  child.stderr.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-ERRORS_KEPT);
  });
  const kill = async () => {
    await killMarked(pid, mark);
    if (user) await endAllOf(user);
  };
  const exited = new Promise<number | null>((resolve) =>
    child.nodeChildProcess.once('exit', (code) => resolve(code)),
  );
  const ended = (async () => {
    const exit = await exited;
    // What it left running would work on without anybody who reads its stream.
    await kill();
    watchdog.forget(pid);
    await child;
    return { exit, errors };
  })();
  return { pid, mark, ended, kill };
}
