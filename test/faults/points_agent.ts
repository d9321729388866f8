import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { environment } from '../../rehearsal/command.ts';
import type { Watch } from './points_preload.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PRELOAD = fileURLToPath(new URL('points_preload.ts', import.meta.url));

/** An agent's host with a stdio server of its own, as in rehearsal/actor.ts, but one that may be watched. */
export interface Agent {
  readonly pid: number;
  /** The answer; a refusal is one. Throws when the server dies. */
  call(tool: string, args?: object): Promise<Answer>;
  /** The answer of a call that must succeed; waits on when it goes on as a job. */
  ok<T = Record<string, never>>(tool: string, args?: object): Promise<T>;
  close(): Promise<void>;
}

export interface Answer {
  refused: boolean;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: the shape differs from tool to tool
  value: any;
}

/** Opens a new session of an agent. */
export async function startAgent(home: string, name: string, watch?: Watch): Promise<Agent> {
  const [command = '', ...args] = programOf('dist/mcp.js', watch);
  const transport = new StdioClientTransport({
    command,
    args: [...args, '--enrolment', join(home, 'enrolments', `${name}.json`)],
    env: environmentOf(home, watch),
    stderr: 'pipe',
  });
  (transport.stderr as Readable | null)?.resume();
  const client = new Client({ name: 'points', version: '1.0.0' });
  await client.connect(transport);
  const call = async (tool: string, given: object = {}): Promise<Answer> => {
    const result = await client.callTool({ name: tool, arguments: { ...given } }, { timeout: 60_000 });
    const [first] = result.content;
    const text = first?.type === 'text' ? first.text : '';
    return { refused: result.isError === true, text, value: result.structuredContent };
  };
  const ok = async <T>(tool: string, given: object = {}): Promise<T> => {
    const { refused, text, value } = await call(tool, given);
    if (refused) throw new Error(`${name} called ${tool} and was refused: ${text}`);
    if (value.done !== false) return value;
    for (;;) {
      const seen = await ok<{ still_waiting: boolean; result: T }>('task_wait', {
        job: value.job,
        seconds: 30,
      });
      if (!seen.still_waiting) return seen.result;
    }
  };
  return { pid: transport.pid ?? 0, call, ok, close: () => client.close().catch(() => {}) };
}

/** The command line of a built program, watched or not. */
export const programOf = (file: string, watch?: Watch): string[] => [
  process.execPath,
  ...(watch ? ['--import', PRELOAD] : []),
  join(ROOT, file),
];

/** What a process of the factory in `home` inherits. */
export const environmentOf = (home: string, watch?: Watch): Record<string, string> => ({
  ...environment(join(home, '..')),
  TMPDIR: temporaryOf(home),
  NODE_COMPILE_CACHE: join(home, '..', '..', 'compiled'),
  ...(watch && { MILLWRIGHT_POINT: JSON.stringify(watch) }),
});

/** Where processes of the factory in `home` put temporary files; made with the stage. */
export const temporaryOf = (home: string) => join(home, '..', '..', 'tmp');
