import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { execa } from 'execa';

/** A program that speaks MCP over stdio, by absolute paths. */
export interface Program {
  readonly file: string;
  readonly args: readonly string[];
}

/** A connection that does as little as a client can, so that what is measured is the server. */
export interface RawClient {
  /** CPU time of all threads of the server from its start until it had answered `initialize`. */
  readonly startCpuMs: number;
  /** Calls a tool and returns its result. Throws when the server reports an error. */
  call(tool: string, args?: Record<string, unknown>): Promise<Record<string, unknown>>;
  close(): Promise<void>;
}

interface Message {
  readonly id?: number;
  readonly result?: Record<string, unknown>;
}

const SLOWEST_ANSWER_MS = 20_000;

/** Starts the program and opens a session with it. Throws with what it said on stderr when it fails. */
export async function connect({ file, args }: Program, signal: AbortSignal): Promise<RawClient> {
  const child = execa(file, args, {
    stdin: 'pipe',
    reject: false,
    buffer: { stdout: false },
    cancelSignal: signal,
    forceKillAfterDelay: 1000,
  });
  const waiting = new Map<number, (message: Message) => void>();
  createInterface(child.stdout).on('line', (line) => {
    const message = JSON.parse(line) as Message;
    if (message.id === undefined) return;
    waiting.get(message.id)?.(message);
    waiting.delete(message.id);
  });
  const died = child.then(({ stderr }) => {
    throw new Error(`The server is gone: ${stderr.slice(-500)}`);
  });
  died.catch(() => {});
  let last = 0;
  const send = (message: object) => child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  const request = async (method: string, params: object): Promise<Record<string, unknown>> => {
    const id = ++last;
    let timer: NodeJS.Timeout | undefined;
    const answered = new Promise<Message>((resolve, reject) => {
      waiting.set(id, resolve);
      timer = setTimeout(() => reject(new Error(`No answer to ${method}.`)), SLOWEST_ANSWER_MS);
    });
    send({ id, method, params });
    const message = await Promise.race([answered, died]).finally(() => clearTimeout(timer));
    const { result } = message;
    if (!result || result.isError) throw new Error(`${method}: ${JSON.stringify(message).slice(0, 500)}`);
    return result;
  };

  const clientInfo = { name: 'bench', version: '1.0.0' };
  await request('initialize', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo });
  const startCpuMs = cpuMs(child.pid);
  send({ method: 'notifications/initialized' });
  return {
    startCpuMs,
    call: (name, given = {}) => request('tools/call', { name, arguments: given }),
    async close() {
      child.stdin.end();
      await child;
    },
  };
}

/** CPU time so far of all threads of a process, in milliseconds; less noisy than the time on the wall. */
function cpuMs(pid: number | undefined): number {
  if (process.platform !== 'linux')
    throw new Error('The CPU time of a process is read from /proc: run this on Linux.');
  const tasks = `/proc/${pid}/task`;
  const nanoseconds = readdirSync(tasks).map((thread) =>
    Number(readFileSync(`${tasks}/${thread}/schedstat`, 'utf8').split(' ')[0]),
  );
  return nanoseconds.reduce((sum, one) => sum + one, 0) / 1e6;
}
