import { readFile } from 'node:fs/promises';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { enrol } from '../servers/core/factory/create.ts';
import type { Services } from '../servers/core/services.ts';

/** What a model reads of a tool. */
export interface ToolShown {
  name: string;
  description: string;
  input: Record<string, unknown>;
}

export interface Reply {
  refused: boolean;
  /** What the model reads. */
  text: string;
  value: Record<string, unknown>;
}

/** A session of one agent, over real HTTP with a real MCP client. */
export interface AgentSession {
  readonly agent: string;
  readonly id: string;
  tools(): Promise<ToolShown[]>;
  call(tool: string, args?: Record<string, unknown>): Promise<Reply>;
  /** The answer of a call that must succeed; throws an Error with the refusal. */
  must(tool: string, args?: Record<string, unknown>): Promise<Record<string, unknown>>;
  close(): Promise<void>;
}

/** Enrols an agent and opens a new session of it with the factory that answers at `url`. */
export async function connect(services: Services, url: string, agent: string): Promise<AgentSession> {
  const { token: enrolment } = JSON.parse(await readFile(await enrol(services, agent), 'utf8'));
  const headers = { Authorization: `Bearer ${enrolment}` };
  const opened = await fetch(`${url}/session`, { method: 'POST', headers });
  const { id, token } = (await opened.json()) as { id: string; token: string };
  const client = new Client({ name: 'millwright-words', version: '1.0.0' });
  const requestInit = { headers: { Authorization: `Bearer ${token}` } };
  await client.connect(new StreamableHTTPClientTransport(new URL(`${url}/mcp`), { requestInit }));
  const call = async (tool: string, args: Record<string, unknown> = {}): Promise<Reply> => {
    const result = await client.callTool({ name: tool, arguments: args }, { timeout: 60_000 });
    const [first] = result.content;
    const text = first?.type === 'text' ? first.text : '';
    const value = (result.structuredContent ?? {}) as Record<string, unknown>;
    return { refused: result.isError === true, text, value };
  };
  return {
    agent,
    id,
    call,
    async must(tool, args) {
      const { refused, text, value } = await call(tool, args);
      if (refused) throw new Error(`${agent} ${tool}: ${text}`);
      return value;
    },
    async tools() {
      const { tools } = await client.listTools();
      return tools.map(({ name, description = '', inputSchema }) => ({
        name,
        description,
        input: inputSchema,
      }));
    },
    close: () => client.close(),
  };
}
