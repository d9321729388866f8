import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { onTestFinished } from 'vitest';
import type { Action, Actions } from './worker.ts';

const WORKER = fileURLToPath(new URL('worker.ts', import.meta.url));

export interface Worker<A extends Action> {
  readonly pid: number;
  /** Resolves with the next line the worker says before its result. */
  line(): Promise<string>;
  /** Lets it start. */
  go(): void;
  kill(): void;
  /** What the action gave; rejects with what the process said when it died. */
  readonly result: Promise<Awaited<ReturnType<Actions[A]>>>;
}

export interface Launch {
  /** A program and its arguments that start the worker in other surroundings. */
  prefix?: readonly string[];
}

/** Starts a process that does `action` on the store at `location`, once it is told to go. */
export async function startWorker<A extends Action>(
  action: A,
  location: string,
  argument: Parameters<Actions[A]>[1],
  { prefix = [] }: Launch = {},
): Promise<Worker<A>> {
  const [file = '', ...args] = [
    ...prefix,
    process.execPath,
    WORKER,
    action,
    location,
    JSON.stringify(argument),
  ];
  const child = execa(file, args, {
    reject: false,
    stdin: 'pipe',
    stderr: 'pipe',
    buffer: { stdout: false },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const said: string[] = [];
  const waiting: ((line: string) => void)[] = [];
  createInterface(child.stdout).on('line', (line) => {
    const next = waiting.shift();
    if (next) next(line);
    else said.push(line);
  });
  const died = child.then(({ stderr }) => {
    throw new Error(stderr || 'The worker is gone.');
  });
  died.catch(() => {});
  const line = async () =>
    said.shift() ?? Promise.race([new Promise<string>((resolve) => waiting.push(resolve)), died]);
  if ((await line()) !== 'ready') throw new Error('The worker did not start.');
  const result = child.then(({ exitCode, stderr }) => {
    const last = said.at(-1);
    if (exitCode !== 0 || last === undefined) throw new Error(stderr || 'The worker was killed.');
    return JSON.parse(last);
  });
  result.catch(() => {});
  return {
    pid: child.pid ?? 0,
    line,
    go: () => void child.stdin.write('go\n'),
    kill: () => void child.kill('SIGKILL'),
    result,
  };
}

/** Starts `count` processes, lets all go at the same moment, and gives what each of them found. */
export async function race<A extends Action>(
  count: number,
  action: A,
  location: string,
  argument: (index: number) => Parameters<Actions[A]>[1],
): Promise<Awaited<ReturnType<Actions[A]>>[]> {
  const workers = await Promise.all(
    Array.from({ length: count }, (_, index) => startWorker(action, location, argument(index))),
  );
  for (const worker of workers) worker.go();
  return Promise.all(workers.map(({ result }) => result));
}
