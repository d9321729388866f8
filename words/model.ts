import type { ToolShown } from './connect.ts';

export interface ToolCall {
  id: string;
  name: string;
  args: Record<string, unknown>;
}

export type Turn =
  | { who: 'user'; text: string }
  | { who: 'model'; text: string; calls: readonly ToolCall[] }
  | { who: 'tools'; results: readonly { id: string; text: string; refused: boolean }[] };

export interface Conversation {
  system: string;
  tools: readonly ToolShown[];
  turns: readonly Turn[];
}

/** Tokens as the endpoint counted them; zero where it said nothing. */
export interface Usage {
  input: number;
  output: number;
}

export interface Said {
  text: string;
  calls: ToolCall[];
  usage: Usage;
}

/** Asks a model for its next turn. */
export type Model = (conversation: Conversation, signal?: AbortSignal) => Promise<Said>;

export const APIS = ['openai', 'anthropic'] as const;

export interface Endpoint {
  api: (typeof APIS)[number];
  baseUrl: string;
  model: string;
  /** Sent as the API has it; none for an endpoint that asks for none. */
  key?: string | undefined;
}

/** The most a model may say in one turn. */
export const TURN_TOKENS = 4_096;
const ANSWER_MS = 300_000;

/** A model behind an endpoint that speaks OpenAI's chat completions or Anthropic's messages. */
export const modelAt = (endpoint: Endpoint): Model =>
  endpoint.api === 'openai' ? openai(endpoint) : anthropic(endpoint);

/** Throws an Error without the endpoint's words: they may hold what was sent. */
async function post(
  url: string,
  headers: Record<string, string>,
  body: unknown,
  signal?: AbortSignal,
): Promise<Record<string, unknown>> {
  const late = AbortSignal.timeout(ANSWER_MS);
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
    signal: signal ? AbortSignal.any([signal, late]) : late,
  }).catch((error) => {
    throw new Error(`The model's endpoint does not answer at ${new URL(url).origin}.`, { cause: error });
  });
  if (!response.ok) throw new Error(`The model's endpoint answered ${response.status}.`);
  return (await response.json()) as Record<string, unknown>;
}

const trimmed = (url: string) => url.replace(/\/+$/, '');

function openai({ baseUrl, model, key }: Endpoint): Model {
  return async ({ system, tools, turns }, signal) => {
    const messages = [{ role: 'system', content: system }, ...turns.flatMap(openaiMessages)];
    const functions = tools.map(({ name, description, input }) => ({
      type: 'function',
      function: { name, description, parameters: input },
    }));
    const body = {
      model,
      messages,
      max_completion_tokens: TURN_TOKENS,
      ...(functions.length > 0 && { tools: functions }),
    };
    const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
    const answer = await post(`${trimmed(baseUrl)}/chat/completions`, headers, body, signal);
    const [choice] = answer.choices as { message: { content?: string; tool_calls?: OpenaiCall[] } }[];
    const usage = (answer.usage ?? {}) as { prompt_tokens?: number; completion_tokens?: number };
    return {
      text: choice?.message.content ?? '',
      calls: (choice?.message.tool_calls ?? []).map(({ id, function: { name, arguments: args } }) => ({
        id,
        name,
        args: objectOf(args),
      })),
      usage: { input: usage.prompt_tokens ?? 0, output: usage.completion_tokens ?? 0 },
    };
  };
}

interface OpenaiCall {
  id: string;
  function: { name: string; arguments: string };
}

function openaiMessages(turn: Turn): Record<string, unknown>[] {
  if (turn.who === 'user') return [{ role: 'user', content: turn.text }];
  if (turn.who === 'tools')
    return turn.results.map(({ id, text }) => ({ role: 'tool', tool_call_id: id, content: text }));
  const tool_calls = turn.calls.map(({ id, name, args }) => ({
    id,
    type: 'function',
    function: { name, arguments: JSON.stringify(args) },
  }));
  return [{ role: 'assistant', content: turn.text, ...(tool_calls.length > 0 && { tool_calls }) }];
}

/** Arguments that are no JSON object reach the server as none, which then says what is missing. */
function objectOf(json: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function anthropic({ baseUrl, model, key }: Endpoint): Model {
  return async ({ system, tools, turns }, signal) => {
    const body = {
      model,
      system,
      max_tokens: TURN_TOKENS,
      messages: turns.map(anthropicMessage),
      tools: tools.map(({ name, description, input }) => ({ name, description, input_schema: input })),
    };
    const headers = { 'anthropic-version': '2023-06-01', ...(key !== undefined && { 'x-api-key': key }) };
    const answer = await post(`${trimmed(baseUrl)}/messages`, headers, body, signal);
    const blocks = answer.content as AnthropicBlock[];
    const usage = (answer.usage ?? {}) as { input_tokens?: number; output_tokens?: number };
    return {
      text: blocks.flatMap((block) => (block.type === 'text' ? [block.text] : [])).join('\n'),
      calls: blocks.flatMap((block) =>
        block.type === 'tool_use' ? [{ id: block.id, name: block.name, args: block.input }] : [],
      ),
      usage: { input: usage.input_tokens ?? 0, output: usage.output_tokens ?? 0 },
    };
  };
}

type AnthropicBlock =
  | { type: 'text'; text: string }
  | { type: 'tool_use'; id: string; name: string; input: Record<string, unknown> };

function anthropicMessage(turn: Turn): Record<string, unknown> {
  if (turn.who === 'user') return { role: 'user', content: turn.text };
  if (turn.who === 'tools') {
    const content = turn.results.map(({ id, text, refused }) => ({
      type: 'tool_result',
      tool_use_id: id,
      content: text,
      is_error: refused,
    }));
    return { role: 'user', content };
  }
  const said = turn.text === '' ? [] : [{ type: 'text', text: turn.text }];
  const used = turn.calls.map(({ id, name, args }) => ({ type: 'tool_use', id, name, input: args }));
  return { role: 'assistant', content: [...said, ...used] };
}
