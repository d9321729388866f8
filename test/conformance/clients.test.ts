import { readFile } from 'node:fs/promises';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { buildOnce, LAUNCHER } from '../cli/command.ts';
import { type Mill, openMill } from '../cli/hosts.ts';
import { type AnyClient, CLIENTS, send } from '../core/served.ts';

beforeAll(buildOnce);

interface Answer {
  isError?: boolean;
  content: [{ text: string }];
  structuredContent?: unknown;
}
type Call = { name: string; arguments?: Record<string, unknown> };
/** Where the options stand differs between the SDKs; a place too many does no harm. */
type Cancellable = (call: Call, ...places: unknown[]) => Promise<unknown>;

const CALLS: readonly Call[] = [
  { name: 'task_list', arguments: { limit: 5 } },
  { name: 'pipeline_show', arguments: { pipeline: 'P-9' } },
  { name: 'task_list', arguments: { nonsense: 1 } },
  { name: 'change_submit', arguments: {} },
  { name: 'no_such_tool' },
];
const WAIT: Call = { name: 'task_wait', arguments: { task: 'T-1', seconds: 40 } };
const TASK = { title: 'Work', criteria: ['It holds'], stops: ['It does not'], role: 'developer' };

/** Every kind of client over both transports, each as an agent of the same factory. */
async function clientsOf(mill: Mill): Promise<[string, AnyClient][]> {
  const { url } = await mill.daemon();
  const token = async () => {
    const enrolment = JSON.parse(await readFile(await mill.enrol('ceo'), 'utf8')) as { token: string };
    return (JSON.parse((await send(url, '/session', enrolment)).text) as { token: string }).token;
  };
  const command = async () => ({
    command: process.execPath,
    args: [LAUNCHER, 'mcp', '--enrolment', await mill.enrol('ceo')],
  });
  const all: [string, AnyClient][] = [];
  for (const [name, connect] of Object.entries(CLIENTS)) {
    all.push([`${name}, HTTP`, await connect.http(new URL(`${url}/mcp`), await token())]);
    all.push([`${name}, stdio`, await connect.stdio(await command())]);
  }
  onTestFinished(async () => {
    await Promise.all(all.map(([, client]) => client.close()));
  });
  return all;
}

/** What a host passes on to its model, without what a revision of the protocol adds around it. */
function seen(answer: unknown): Answer {
  const { isError = false, content, structuredContent } = answer as Answer;
  return { isError, content, structuredContent };
}

/** Takes a long call back, and says how it ended and how long the next one took. */
async function takenBack(name: string, client: AnyClient) {
  const stop = new AbortController();
  const options = { signal: stop.signal };
  const places = name.startsWith('SDK 1') ? [undefined, options] : [options];
  const long = (client.callTool.bind(client) as Cancellable)(WAIT, ...places).then(
    () => 'answered',
    () => 'taken back',
  );
  const early = await Promise.race([long, new Promise((resolve) => setTimeout(resolve, 300))]);
  stop.abort();
  const since = performance.now();
  const after = seen(await client.callTool({ name: 'task_show', arguments: { task: 'T-1' } }));
  return { early, ended: await long, isError: after.isError, isSoon: performance.now() - since < 15_000 };
}

test('clients of both SDKs see the same over both transports and in both eras, and can take a long call back', async () => {
  const clients = await clientsOf(await openMill());
  expect(clients).toHaveLength(6);
  const [[, first]] = clients as [[string, AnyClient]];
  expect(seen(await first.callTool({ name: 'task_create', arguments: TASK })).isError).toBe(false);

  const lists = new Set<string>();
  const answers = new Set<string>();
  for (const [, client] of clients) {
    for (let times = 0; times < 2; times++) lists.add(JSON.stringify((await client.listTools()).tools));
    const all = [];
    for (const call of CALLS) all.push(seen(await client.callTool(call)));
    answers.add(JSON.stringify(all, null, 1));
  }
  expect([...lists], 'the list of tools, byte by byte').toHaveLength(1);
  expect([...answers]).toHaveLength(1);

  const [page, ...refusals] = JSON.parse([...answers][0] ?? '[]') as [Answer, ...Answer[]];
  expect(page).toMatchObject({ isError: false, structuredContent: { tasks: [{ task: 'T-1' }] } });
  expect(JSON.parse(page.content[0].text)).toEqual(page.structuredContent);
  expect(refusals.map(({ content }) => content[0].text.split(':')[0])).toEqual([
    'NOT_FOUND',
    'INVALID_INPUT',
    'FORBIDDEN',
    'NOT_FOUND',
  ]);
  expect(refusals.filter(({ isError, structuredContent }) => !isError || structuredContent)).toEqual([]);

  const found = await Promise.all(
    clients.map(async ([name, client]) => [name, await takenBack(name, client)]),
  );
  const expected = { early: undefined, ended: 'taken back', isError: false, isSoon: true };
  expect(found).toEqual(clients.map(([name]) => [name, expected]));
});
