import type { Readable } from 'node:stream';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { environment, serverCommand } from './command.ts';

/** What an agent reads back from a tool. */
export interface Answer {
  refused: boolean;
  text: string;
  // The rehearsal knows the tools it calls as a model does: by what they answer.
  // biome-ignore lint/suspicious/noExplicitAny: the shape differs from tool to tool
  value: any;
}

/**
 * One agent at work: a real MCP client over stdio to a server process of its own. What a model would have
 * thought and typed is given by the caller; everything that comes back is real.
 */
export class Actor {
  readonly agent: string;
  readonly role: string;
  readonly pid: number;
  readonly #client: Client;

  private constructor(agent: string, role: string, pid: number, client: Client) {
    this.agent = agent;
    this.role = role;
    this.pid = pid;
    this.#client = client;
  }

  /** @param hostSession several actors given the same one count as one person */
  static async start(options: {
    agent: string;
    role: string;
    home: string;
    enrolment: string;
    hostSession?: string;
  }): Promise<Actor> {
    const env = environment(options.home);
    if (options.hostSession) env.CLAUDE_CODE_SESSION_ID = options.hostSession;
    const transport = new StdioClientTransport({ ...serverCommand(options.enrolment), env, stderr: 'pipe' });
    (transport.stderr as Readable | null)?.resume();
    const client = new Client({ name: 'millwright-rehearsal', version: '1.0.0' });
    await client.connect(transport);
    return new Actor(options.agent, options.role, transport.pid ?? 0, client);
  }

  /** Calls a tool; a refusal is an answer, not an error. */
  async call(tool: string, args: Record<string, unknown> = {}): Promise<Answer> {
    const result = await this.#client.callTool({ name: tool, arguments: args }, { timeout: 60_000 });
    const [first] = result.content;
    const text = first?.type === 'text' ? first.text : '';
    return { refused: result.isError === true, text, value: result.structuredContent };
  }

  /** Calls a tool that must answer; waits on when the server says that the work goes on as a job. */
  async do(tool: string, args: Record<string, unknown> = {}): Promise<Answer['value']> {
    const answer = await this.call(tool, args);
    if (answer.refused) throw new Error(`${this.agent} called ${tool} and was refused: ${answer.text}`);
    return answer.value?.done === false ? this.#jobResult(answer.value.job) : answer.value;
  }

  async tools(): Promise<string[]> {
    return (await this.#client.listTools()).tools.map((tool) => tool.name);
  }

  async close(): Promise<void> {
    await this.#client.close().catch(() => {});
  }

  async #jobResult(job: string): Promise<Answer['value']> {
    for (;;) {
      const seen = await this.do('task_wait', { job, seconds: 30 });
      if (!seen.still_waiting) return seen.result;
    }
  }
}
