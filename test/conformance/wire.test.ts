import { beforeAll, expect, test } from 'vitest';
import { buildOnce } from '../cli/command.ts';
import { type Mill, openMill } from '../cli/hosts.ts';
import { type Message, type RawStdio, rawStdio } from './raw_stdio.ts';
import { type Revision, specOf } from './spec.ts';

beforeAll(buildOnce);

type Params = Record<string, unknown>;

/** What one request must be answered with: a result of this type, or an error of this code. */
interface Exchange {
  method: string;
  params?: Params;
  result?: string;
  error?: number;
  /** How the text of a tool's answer begins. */
  says?: RegExp;
}

const call = (name: string, args: Params, says?: RegExp): Exchange => ({
  method: 'tools/call',
  params: { name, arguments: args },
  result: 'CallToolResult',
  ...(says && { says }),
});
const TASK = { title: 'Think', criteria: ['It is thought'], stops: ['Never'], role: 'ceo' };

/** What is the same in both revisions. */
const EXCHANGES: readonly Exchange[] = [
  { method: 'tools/list', result: 'ListToolsResult' },
  call('task_create', TASK),
  call('task_list', {}),
  call('task_complete', { summary: 'Done.' }, /^CONFLICT: /),
  call('task_checkout', {}),
  call('artifact_put', { name: 'thoughts', body: 'Well.' }),
  call('task_complete', { summary: 'Thought.' }, /^GATE_CLOSED: /),
  call('task_list', { nonsense: true }, /^INVALID_INPUT: /),
  call('task_show', { task: 'T-99' }, /^NOT_FOUND: /),
  call('no_such_tool', {}, /^NOT_FOUND: /),
  call('change_submit', {}, /^FORBIDDEN: /),
  { method: 'tools/call', params: { arguments: {} }, error: -32602 },
  { method: 'tools/call', params: { name: 'task_list', arguments: [] }, error: -32602 },
  { method: 'prompts/list', result: 'ListPromptsResult' },
  { method: 'prompts/get', params: { name: 'ceo' }, result: 'GetPromptResult' },
  { method: 'prompts/get', params: { name: 'nobody' }, error: -32602 },
  { method: 'resources/list', result: 'ListResourcesResult' },
  { method: 'resources/templates/list', result: 'ListResourceTemplatesResult' },
  { method: 'resources/read', params: { uri: 'millwright://role/ceo/soul' }, result: 'ReadResourceResult' },
  { method: 'resources/read', params: { uri: 'millwright://artifact/99' }, error: -32602 },
  { method: 'completion/complete', params: {}, error: -32601 },
  { method: 'no/such', error: -32601 },
];

/** One revision as a host speaks it: how it opens, what it says in every request, what else it may ask. */
interface Speech {
  revision: Revision;
  meta?: Params;
  opening: Exchange;
  more: readonly Exchange[];
}

const CLIENT = { clientInfo: { name: 'test', version: '1.0.0' } };
const of = (version: string) => ({
  'io.modelcontextprotocol/protocolVersion': version,
  'io.modelcontextprotocol/clientCapabilities': {},
});
const SPEECHES: readonly Speech[] = [
  {
    revision: '2025-11-25',
    opening: {
      method: 'initialize',
      params: { protocolVersion: '2025-11-25', capabilities: {}, ...CLIENT },
      result: 'InitializeResult',
    },
    more: [{ method: 'ping', result: 'EmptyResult' }],
  },
  {
    revision: '2026-07-28',
    meta: of('2026-07-28'),
    opening: { method: 'server/discover', result: 'DiscoverResult' },
    more: [
      { method: 'ping', error: -32601 },
      { method: 'tools/list', params: { _meta: {} }, error: -32602 },
    ],
  },
];

/** Sends one request, and says what the schema and the exchange have against its answer. */
async function faultsOf(host: RawStdio, id: string | number, speech: Speech, exchange: Exchange) {
  const { method, params, result, error, says } = exchange;
  const meta = speech.meta && { _meta: speech.meta };
  const whole = { ...meta, ...params };
  host.write(
    JSON.stringify({ jsonrpc: '2.0', id, method, ...(Object.keys(whole).length && { params: whole }) }),
  );
  const answer = await host.until((message) => message.id === id);
  const fits = specOf(speech.revision);
  const at = (faults: string[]) => faults.map((fault) => `${method} ${JSON.stringify(params)}: ${fault}`);
  if (error !== undefined) {
    const code = answer.error?.code === error ? [] : [`answered ${JSON.stringify(answer)}`];
    return at([...fits('JSONRPCErrorResponse', answer), ...code]);
  }
  const [content] = (answer.result?.content ?? []) as { text?: string }[];
  const isExpected =
    result !== 'CallToolResult' ||
    ((answer.result?.isError === true) === (says !== undefined) && (says?.test(content?.text ?? '') ?? true));
  return at([
    ...fits('JSONRPCResultResponse', answer),
    ...fits(result ?? '', answer.result),
    ...(isExpected ? [] : [`answered ${JSON.stringify(answer).slice(0, 300)}`]),
  ]);
}

/** A call that is taken back is not answered, and nothing waits for it. */
async function takesBack(host: RawStdio, { meta }: Speech): Promise<void> {
  const _meta = meta && { _meta: meta };
  const params = { name: 'task_wait', arguments: { task: 'T-1', seconds: 20 }, ..._meta };
  host.write(JSON.stringify({ jsonrpc: '2.0', id: 'long', method: 'tools/call', params }));
  host.write(
    JSON.stringify({
      jsonrpc: '2.0',
      method: 'notifications/cancelled',
      params: { requestId: 'long', reason: 'enough', ..._meta },
    }),
  );
}

const NO_MESSAGES = [
  '{"jsonrpc":"2.0","id":',
  'hello',
  '',
  '[]',
  '{"id":1}',
  'null',
  '{"jsonrpc":"1.0","id":"old","method":"ping"}',
];

async function conversation(mill: Mill, speech: Speech) {
  const host = rawStdio(mill.home, await mill.enrol('ceo'));
  const faults: string[] = [];
  let id = 0;
  const ask = async (exchange: Exchange) => {
    id++;
    faults.push(...(await faultsOf(host, id % 2 ? id : `id-${id}`, speech, exchange)));
  };
  await ask(speech.opening);
  if (!speech.meta) host.write('{"jsonrpc":"2.0","method":"notifications/initialized"}');
  for (const exchange of EXCHANGES) await ask(exchange);
  for (const exchange of speech.more) await ask(exchange);
  await takesBack(host, speech);
  for (const line of NO_MESSAGES) host.write(line);
  await ask({ method: 'tools/list', result: 'ListToolsResult' });
  const { exitCode } = await host.close();
  return { lines: host.lines, faults, asked: id, exitCode };
}

test.each(SPEECHES)(
  '$revision over stdio: every line is a message of the type it must be',
  async (speech) => {
    const { lines, faults, asked, exitCode } = await conversation(await openMill(), speech);
    const fits = specOf(speech.revision);
    const messages = lines.map((line) => JSON.parse(line) as Message);

    expect(faults).toEqual([]);
    expect(messages.flatMap((message) => fits('JSONRPCMessage', message))).toEqual([]);
    const answered = messages.flatMap(({ id }) => (id === undefined ? [] : [id]));
    expect(new Set(answered).size).toBe(answered.length);
    expect(answered).toHaveLength(asked);
    expect(exitCode).toBe(0);
  },
);
