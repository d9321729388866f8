import type { IncomingHttpHeaders } from 'node:http';
import { type Block, type ModelRequest, readBy, type Turn } from './plan.ts';

interface Part {
  type: string;
  text?: string;
  name?: string;
  tool_use_id?: string;
  is_error?: boolean;
  content?: string | Part[];
}
interface Body {
  model: string;
  system?: string | Part[];
  tools?: { name: string }[];
  messages: { role: string; content: string | Part[] }[];
}

/** Reads a request of the Anthropic Messages API. */
export function anthropicRequest(body: Body, headers: IncomingHttpHeaders): ModelRequest {
  return {
    api: 'anthropic',
    model: body.model,
    system: textOf(body.system ?? ''),
    tools: (body.tools ?? []).map(({ name }) => name),
    turns: body.messages.map(turnOf),
    headers,
  };
}

function turnOf({ role, content }: Body['messages'][number]): Turn {
  const parts = typeof content === 'string' ? [] : content;
  if (role === 'assistant') {
    const calls = parts.flatMap((part) => (part.type === 'tool_use' ? [part.name ?? ''] : []));
    return { from: 'model', text: textOf(content), calls };
  }
  const results = parts
    .filter(({ type }) => type === 'tool_result')
    .map((part) => ({
      call: part.tool_use_id ?? '',
      isError: part.is_error === true,
      text: textOf(part.content ?? ''),
    }));
  return { from: 'user', text: textOf(content), results };
}

function textOf(content: string | Part[]): string {
  if (typeof content === 'string') return content;
  return content.flatMap(({ type, text }) => (type === 'text' ? [text ?? ''] : [])).join('\n');
}

/** The model's answer as a whole message. */
export function anthropicMessage(blocks: Block[], model: string, count: number) {
  const content = blocks.map((block, at) =>
    'tool' in block
      ? { type: 'tool_use', id: `toolu_${count}_${at}`, name: block.tool, input: block.input }
      : { type: 'text', text: block.text },
  );
  return {
    id: `msg_${count}`,
    type: 'message',
    role: 'assistant',
    model,
    content,
    stop_reason: blocks.some((block) => 'tool' in block) ? 'tool_use' : 'end_turn',
    stop_sequence: null,
    usage: {
      input_tokens: readBy(blocks),
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 0,
      output_tokens: 20,
    },
  };
}

/** The same message as the events of a stream. */
export function anthropicEvents(message: ReturnType<typeof anthropicMessage>) {
  const { content, stop_reason, usage } = message;
  return [
    { type: 'message_start', message: { ...message, content: [], stop_reason: null } },
    ...content.flatMap((block, index) => [
      { type: 'content_block_start', index, content_block: emptied(block) },
      { type: 'content_block_delta', index, delta: deltaOf(block) },
      { type: 'content_block_stop', index },
    ]),
    { type: 'message_delta', delta: { stop_reason, stop_sequence: null }, usage },
    { type: 'message_stop' },
  ];
}

type Content = ReturnType<typeof anthropicMessage>['content'][number];

function emptied(block: Content) {
  return 'input' in block ? { ...block, input: {} } : { ...block, text: '' };
}

function deltaOf(block: Content) {
  return 'input' in block
    ? { type: 'input_json_delta', partial_json: JSON.stringify(block.input) }
    : { type: 'text_delta', text: block.text };
}
