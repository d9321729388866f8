import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { execa } from 'execa';
import { onTestFinished } from 'vitest';
import { LAUNCHER } from '../cli/command.ts';

const SLOWEST_MS = 20_000;

export interface Message {
  jsonrpc: string;
  id?: string | number;
  method?: string;
  params?: unknown;
  result?: Record<string, unknown>;
  error?: { code: number; message: string; data?: unknown };
}

export interface RawStdio {
  /** All that came out of the process so far, line by line. */
  readonly lines: readonly string[];
  /** Writes a line of any form. */
  write(line: string): void;
  /** Waits for the message that fits. */
  until(fits: (message: Message) => boolean): Promise<Message>;
  /** Closes stdin and waits for the end. */
  close(): Promise<{ exitCode: number | undefined; stderr: string }>;
}

/** `millwright mcp` as a host starts it, and every byte it writes. */
export function rawStdio(home: string, enrolment: string): RawStdio {
  const child = execa(process.execPath, [LAUNCHER, 'mcp', '--enrolment', enrolment], {
    stdin: 'pipe',
    env: { PATH: process.env.PATH ?? '', TMPDIR: tmpdir(), MILLWRIGHT_HOME: home },
    extendEnv: false,
    cwd: tmpdir(),
    reject: false,
    forceKillAfterDelay: 5000,
    timeout: 60_000,
  });
  onTestFinished(async () => {
    child.kill('SIGTERM');
    await child;
  });
  const lines: string[] = [];
  const looks = new Set<() => void>();
  createInterface(child.stdout).on('line', (line) => {
    lines.push(line);
    for (const look of looks) look();
  });
  return {
    lines,
    write: (line) => void child.stdin.write(`${line}\n`),
    until: (fits) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = lines.flatMap(parsed).find(fits);
          if (found) end(() => resolve(found));
        };
        const timer = setTimeout(
          () => end(() => reject(new Error(`No such message; the last was ${lines.at(-1)}`))),
          SLOWEST_MS,
        );
        const end = (settle: () => void) => {
          clearTimeout(timer);
          looks.delete(look);
          settle();
        };
        looks.add(look);
        look();
      }),
    async close() {
      child.stdin.end();
      const { exitCode, stderr } = await child;
      return { exitCode, stderr };
    },
  };
}

function parsed(line: string): Message[] {
  try {
    return [JSON.parse(line) as Message];
  } catch {
    return [];
  }
}
