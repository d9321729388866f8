import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread } from 'node:worker_threads';
import { execa } from 'execa';
import type { EndTree, Invocation } from './engine.ts';
import { SandboxError, type SandboxLimits, type SandboxResult } from './types.ts';

type Outcome = Pick<SandboxResult, 'exit' | 'signal' | 'stdout' | 'stderr' | 'truncated' | 'killedBy' | 'ms'>;

interface Watch {
  readonly limits: SandboxLimits;
  readonly input: string;
  readonly signal: AbortSignal | undefined;
  readonly endTree: EndTree;
}

/**
 * Starts one process and returns when its whole tree is dead: by itself, or killed because time, output or
 * the caller's patience ran out.
 */
export async function supervise(invocation: Invocation, watch: Watch): Promise<Outcome> {
  if (!isMainThread)
    throw new SandboxError('Runs start from the main thread: the kernel ties their end to it.');
  const started = performance.now();
  const child = start(invocation);
  const { pid } = child;
  if (pid === undefined) throw new SandboxError(`${invocation.file} could not be started.`);

  let ended = false;
  let killedBy: Outcome['killedBy'] = null;
  let killing: Promise<void> | undefined;
  const kill = (reason: Exclude<Outcome['killedBy'], null>) => {
    if (ended || killing) return;
    killedBy = reason;
    killing = watch.endTree(pid, () => ended);
  };
  const exit = new Promise<void>((resolve) => {
    child.once('exit', () => {
      ended = true;
      resolve();
    });
  });
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const output = collect(child, watch.limits.outputBytes, () => kill('output'));
  const timer = setTimeout(kill, watch.limits.wallMs, 'time');
  const abort = () => kill('abort');
  watch.signal?.addEventListener('abort', abort);
  if (watch.signal?.aborted) abort();
  child.stdin.on('error', () => {}); // the command need not read its input
  child.stdin.end(watch.input);

  try {
    await exit;
    await killing;
    await watch.endTree(pid, () => true);
    await Promise.race([closed, sleep(1000, undefined, { ref: false })]);
  } finally {
    clearTimeout(timer);
    watch.signal?.removeEventListener('abort', abort);
    child.stdout.destroy();
    child.stderr.destroy();
  }
  return {
    exit: killedBy === null ? child.exitCode : null,
    signal: killedBy === null ? child.signalCode : 'SIGKILL',
    ...output(),
    killedBy,
    ms: Math.round(performance.now() - started),
  };
}

/** What execa's types can say of the three standard streams and more. */
type ThreePipes = ['pipe', 'pipe', 'pipe'];

function start({ file, args, env, cwd, fd3, asks }: Invocation) {
  const extra = openSync(fd3 ?? '/dev/null', 'r');
  try {
    // The promise that execa adds is not awaited: it would wait for pipes that a stray process may hold open.
    const started = execa(file, args, {
      stdio: ['pipe', 'pipe', 'pipe', ...descriptorsFrom3(extra, asks)] as unknown as ThreePipes,
      env,
      extendEnv: false,
      cwd,
      buffer: false,
      reject: false,
      cleanup: false,
      detached: true,
    });
    const child = started.nodeChildProcess as ChildProcessWithoutNullStreams;
    if (asks) answer(child.stdio[4] as unknown as Socket);
    return child;
  } finally {
    closeSync(extra);
  }
}

/** Says once, when asked, that the server lives. */
function answer(question: Socket): void {
  question.on('error', () => {}); // the run may be killed before it asks
  question.once('data', () => question.end('\n'));
}

/**
 * What the run finds at descriptor 3 and above: `extra` over each descriptor that this process itself
 * inherited open and would pass on (the ones Node opens are never passed on); at 4 the socket of `asks`.
 */
function descriptorsFrom3(extra: number, asks: boolean | undefined): (number | 'pipe')[] {
  const highest = Math.max(4, ...inheritableDescriptors());
  if (highest > 1023) {
    throw new SandboxError('The server was started with an open descriptor above 1023; close it.');
  }
  const slots: (number | 'pipe')[] = new Array(highest - 2).fill(extra);
  if (asks) slots[1] = 'pipe';
  return slots;
}

const CLOSE_ON_EXEC = 0o2000000;

function inheritableDescriptors(): number[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc/self/fdinfo')
    .map(Number)
    .filter((fd) => {
      try {
        const flags = /^flags:\s+(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[1] ?? '0';
        return (Number.parseInt(flags, 8) & CLOSE_ON_EXEC) === 0;
      } catch {
        return false; // the descriptor of the listing itself
      }
    });
}

interface Streams {
  readonly stdout: NodeJS.ReadableStream;
  readonly stderr: NodeJS.ReadableStream;
}

/** Keeps both streams up to `bytes` together; calls `overflow` when there was more. */
function collect(child: Streams, bytes: number, overflow: () => void) {
  const kept = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  let left = bytes;
  let truncated = false;
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].on('data', (chunk: Buffer) => {
      if (left > 0) kept[name].push(chunk.subarray(0, left));
      left -= chunk.length;
      if (left >= 0) return;
      truncated = true;
      overflow();
    });
  }
  const text = (chunks: Buffer[]) => Buffer.concat(chunks).toString('utf8');
  return () => ({ stdout: text(kept.stdout), stderr: text(kept.stderr), truncated });
}
