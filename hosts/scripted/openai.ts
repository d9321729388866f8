import type { IncomingHttpHeaders } from 'node:http';
import { type Block, type ModelRequest, readBy, type Turn } from './plan.ts';

interface Item {
  type: string;
  role?: string;
  name?: string;
  namespace?: string;
  call_id?: string;
  output?: unknown;
  content?: string | { text?: string }[];
}
interface Body {
  model: string;
  instructions?: string;
  tools?: { type: string; name?: string; tools?: { name: string }[] }[];
  input: Item[];
}

/** Reads a request of the OpenAI Responses API. Calls that the model made in one turn are one turn here too. */
export function openaiRequest(body: Body, headers: IncomingHttpHeaders): ModelRequest {
  return {
    api: 'openai',
    model: body.model,
    system: [
      body.instructions ?? '',
      ...body.input.filter(({ role }) => role === 'developer').map(textOf),
    ].join('\n'),
    tools: (body.tools ?? []).flatMap(({ type, name, tools }) =>
      type === 'namespace' ? (tools ?? []).map((tool) => `${name}::${tool.name}`) : [name ?? type],
    ),
    turns: body.input.flatMap(turnOf).reduce<Turn[]>(joined, []),
    headers,
  };
}

function turnOf(item: Item): Turn[] {
  if (item.type.endsWith('_call_output')) {
    const text = typeof item.output === 'string' ? item.output : JSON.stringify(item.output);
    return [{ from: 'user', text: '', results: [{ call: item.call_id ?? '', isError: false, text }] }];
  }
  if (item.type.endsWith('_call')) {
    const name = item.namespace ? `${item.namespace}::${item.name}` : (item.name ?? '');
    return [{ from: 'model', text: '', calls: [name] }];
  }
  if (item.role === 'assistant') return [{ from: 'model', text: textOf(item), calls: [] }];
  return item.role === 'user' ? [{ from: 'user', text: textOf(item), results: [] }] : [];
}

/** Neighbouring items of the model belong to one answer of it, unless a result stands between them. */
function joined(turns: Turn[], turn: Turn): Turn[] {
  const last = turns.at(-1);
  if (last?.from !== 'model' || turn.from !== 'model') return [...turns, turn];
  const text = last.text + turn.text;
  return [...turns.slice(0, -1), { from: 'model', text, calls: [...last.calls, ...turn.calls] }];
}

function textOf({ content }: Item): string {
  if (typeof content === 'string') return content;
  return (content ?? []).map(({ text }) => text ?? '').join('\n');
}

/** The model's answer as the events of a stream. */
export function openaiEvents(blocks: Block[], model: string, count: number) {
  const response = { id: `resp_${count}`, object: 'response', model, output: [] };
  const read = readBy(blocks);
  const usage = {
    input_tokens: read,
    input_tokens_details: { cached_tokens: 10 },
    output_tokens: 20,
    output_tokens_details: { reasoning_tokens: 5 },
    total_tokens: read + 20,
  };
  return [
    { type: 'response.created', response: { ...response, status: 'in_progress' } },
    ...blocks.flatMap((block, at) => {
      const item = itemOf(block, `${count}_${at}`);
      return [
        { type: 'response.output_item.added', output_index: at, item },
        { type: 'response.output_item.done', output_index: at, item },
      ];
    }),
    { type: 'response.completed', response: { ...response, status: 'completed', usage } },
  ];
}

function itemOf(block: Block, id: string) {
  if (!('tool' in block)) {
    const content = [{ type: 'output_text', text: block.text }];
    return { type: 'message', id: `msg_${id}`, role: 'assistant', content };
  }
  const [first = '', name] = block.tool.split('::');
  return {
    type: 'function_call',
    id: `fc_${id}`,
    call_id: `call_${id}`,
    name: name ?? first,
    ...(name && { namespace: first }),
    arguments: JSON.stringify(block.input),
  };
}
