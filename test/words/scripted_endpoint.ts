import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Move } from '../../words/scenario.ts';

/** A model endpoint that says what was written for it, in either of two APIs. */
export interface ScriptedEndpoint {
  /** The base URL under which a transcript is played, each turn at this price in tokens. */
  at(transcript: readonly Move[], api: 'openai' | 'anthropic', usage?: typeof TURN_USAGE): string;
  /** A base URL under which every conversation gets what `say` answers to its last message. */
  saying(say: (text: string) => string, api: 'openai' | 'anthropic'): string;
  /** Each time it was asked: for which model, with which key, and how the conversation began. */
  readonly asked: { model: string; key: string | undefined; first: string }[];
  close(): Promise<void>;
}

interface Asked {
  /** Turns the model had so far. */
  turn: number;
  /** Everything the model was given back, newest last. */
  texts: string[];
}

type Script = (asked: Asked) => { text: string; call?: { name: string; args: Record<string, unknown> } };

/** Tokens that each turn claims to have taken. */
export const TURN_USAGE = { input: 1_000, output: 100 };

export async function scriptedEndpoint(): Promise<ScriptedEndpoint> {
  const scripts: { script: Script; api: 'openai' | 'anthropic'; usage: typeof TURN_USAGE }[] = [];
  const asked: ScriptedEndpoint['asked'] = [];
  let ids = 0;
  const server = createServer(async (request, response) => {
    const [, number = '', path = ''] = /^\/(\d+)\/v1\/(.*)$/.exec(request.url ?? '') ?? [];
    const known = scripts[Number(number)];
    const wanted = known?.api === 'openai' ? 'chat/completions' : 'messages';
    if (!known || path !== wanted || request.method !== 'POST') return response.writeHead(404).end();
    const body = JSON.parse(await bodyOf(request));
    const { 'x-api-key': key, authorization } = request.headers;
    const turns = known.api === 'openai' ? openaiAsked(body) : anthropicAsked(body);
    const shown = typeof key === 'string' ? key : authorization;
    asked.push({ model: body.model, key: shown, first: turns.texts[0] ?? '' });
    const said = known.script(turns);
    const answer =
      known.api === 'openai'
        ? openaiAnswer(said, ++ids, known.usage)
        : anthropicAnswer(said, ++ids, known.usage);
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const add = (script: Script, api: 'openai' | 'anthropic', usage = TURN_USAGE) =>
    `http://127.0.0.1:${port}/${scripts.push({ script, api, usage }) - 1}/v1`;
  return {
    asked,
    at: (transcript, api, usage) => add(scriptOf(transcript), api, usage),
    saying: (say, api) => add(({ texts }) => ({ text: say(texts.at(-1) ?? '') }), api),
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += chunk;
  return text;
}

/** One move a turn, with what earlier answers hold in place of `{{…}}`; then it is silent. */
const scriptOf =
  (transcript: readonly Move[]): Script =>
  ({ turn, texts }) => {
    const [[name, args] = []] = Object.entries(transcript[turn] ?? {}).flatMap((entry) => [entry]);
    if (name === undefined) return { text: 'Done.' };
    if (name === 'say') return { text: String(args) };
    if (name === 'remember')
      return { text: '', call: { name: 'memory_write', args: { entries: [{ kind: 'fact', text: args }] } } };
    return { text: '', call: { name, args: filled(args ?? {}, texts) as Record<string, unknown> } };
  };

/** `{{key}}` is the newest value of that key in any answer, `{{input:NAME}}` the id of an artifact of the brief. */
function filled(value: unknown, texts: readonly string[]): unknown {
  if (typeof value === 'string')
    return value.replace(/\{\{(.+?)\}\}/g, (_, key: string) => known(key, texts));
  if (Array.isArray(value)) return value.map((one) => filled(one, texts));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, filled(one, texts)]));
}

function known(key: string, texts: readonly string[]): string {
  const [, input] = /^input:(.+)$/.exec(key) ?? [];
  const objects = texts.flatMap(objectsIn);
  const found =
    input === undefined
      ? objects.findLast((object) => object[key] !== undefined)?.[key]
      : objects.findLast((object) => object.name === input && object.artifact !== undefined)?.artifact;
  if (found === undefined) throw new Error(`No answer so far holds ${key}.`);
  return String(found);
}

/** Every object in the JSON of a text, outer ones last. */
function objectsIn(text: string): Record<string, unknown>[] {
  const found: Record<string, unknown>[] = [];
  const walk = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const one of Object.values(value)) walk(one);
    if (!Array.isArray(value)) found.push(value as Record<string, unknown>);
  };
  for (const line of text.split('\n')) {
    if (!line.startsWith('{')) continue;
    try {
      walk(JSON.parse(line));
    } catch {
      // no answer of a tool
    }
  }
  return found;
}

type Said = ReturnType<Script>;

function openaiAsked({ messages }: { messages: { role: string; content: string }[] }): Asked {
  return {
    turn: messages.filter(({ role }) => role === 'assistant').length,
    texts: messages.filter(({ role }) => role === 'user' || role === 'tool').map(({ content }) => content),
  };
}

const openaiAnswer = ({ text, call }: Said, id: number, usage: typeof TURN_USAGE) => ({
  choices: [
    {
      message: {
        role: 'assistant',
        content: text,
        ...(call && {
          tool_calls: [
            {
              id: `call_${id}`,
              type: 'function',
              function: { name: call.name, arguments: JSON.stringify(call.args) },
            },
          ],
        }),
      },
    },
  ],
  usage: { prompt_tokens: usage.input, completion_tokens: usage.output },
});

type Content = string | { type: string; content?: string; text?: string }[];

function anthropicAsked({ messages }: { messages: { role: string; content: Content }[] }): Asked {
  const given = messages.filter(({ role }) => role === 'user');
  return {
    turn: messages.length - given.length,
    texts: given.flatMap(({ content }) =>
      typeof content === 'string' ? [content] : content.map((block) => block.content ?? block.text ?? ''),
    ),
  };
}

const anthropicAnswer = ({ text, call }: Said, id: number, usage: typeof TURN_USAGE) => ({
  type: 'message',
  role: 'assistant',
  content: [
    ...(text === '' ? [] : [{ type: 'text', text }]),
    ...(call ? [{ type: 'tool_use', id: `toolu_${id}`, name: call.name, input: call.args }] : []),
  ],
  stop_reason: call ? 'tool_use' : 'end_turn',
  usage: { input_tokens: usage.input, output_tokens: usage.output },
});
