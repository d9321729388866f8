import { beforeAll, expect, test } from 'vitest';
import { SERVER_NAMES } from '../../servers/fleet.ts';
import { buildOnce } from '../cli/command.ts';
import { openMill } from '../cli/hosts.ts';
import { fleetTools } from '../contracts/fleet.ts';
import { serve } from '../core/served.ts';
import { type Inspected, inspect, type Target } from './inspector.ts';

beforeAll(buildOnce);

type Era = 'legacy' | 'modern';

const CALL = ['--tool-name', 'task_list', '--tool-arg', 'limit=3'];
const PROMPT = ['--prompt-name', 'ceo', '--prompt-args', 'request=A shop'];
const RESOURCE = ['--uri', 'millwright://role/ceo/soul'];
/** Of tools/list: what is not portable between hosts ends it with 6. */
const STRICT = ['--strict'];

/** Two at a time: each is a process that needs more than a second. */
async function inTwos<T>(works: readonly (() => Promise<T>)[]): Promise<T[]> {
  const [first, second, ...rest] = works;
  const done = await Promise.all([first, second].flatMap((work) => (work ? [work()] : [])));
  return works.length > 0 ? [...done, ...(await inTwos(rest))] : done;
}

/** Stdio servers, and sessions over HTTP, of agents of the same preset. */
async function targets() {
  const mill = await openMill();
  const { url, session } = await serve({ servers: SERVER_NAMES });
  return {
    stdio: async (agent: string) => ({ home: mill.home, enrolment: await mill.enrol(agent) }),
    http: async (agent: string) => ({ url, token: await session(agent) }),
  };
}

test('the official inspector finds no fault in any tool, through roles that together have all of them', async () => {
  const { stdio, http } = await targets();
  const lists: [Target, Era][] = [
    [await stdio('ceo'), 'modern'],
    [await stdio('cto'), 'legacy'],
    [await http('infra'), 'modern'],
    [await http('qa'), 'legacy'],
    [await http('principal-engineer'), 'modern'],
  ];
  const found = await inTwos(
    lists.map(
      ([target, era]) =>
        () =>
          inspect(target, era, 'tools/list', STRICT),
    ),
  );
  expect(found.filter(({ exit, stderr }) => exit !== 0 || stderr !== '')).toEqual([]);
  const seen = found.flatMap(({ result }) => (result.tools as { name: string }[]).map(({ name }) => name));
  expect([...new Set(seen)].sort()).toEqual((await fleetTools()).map(({ tool }) => tool.name).sort());
});

test('it calls a tool, gets a prompt and reads a resource, over both transports and in both eras', async () => {
  const { stdio, http } = await targets();
  const [process, session] = [await stdio('ceo'), await http('ceo')];
  const found = await inTwos<Inspected>([
    () => inspect(process, 'modern', 'tools/call', CALL),
    () => inspect(session, 'legacy', 'tools/call', CALL),
    () => inspect(process, 'legacy', 'prompts/get', PROMPT),
    () => inspect(session, 'modern', 'resources/read', RESOURCE),
  ]);
  expect(found.filter(({ exit }) => exit !== 0)).toEqual([]);
  const [one, two, prompt, resource] = found.map(({ result }) => result);
  expect(one?.structuredContent).toEqual({ tasks: [], more: false });
  expect(two?.structuredContent).toEqual(one?.structuredContent);
  expect(JSON.stringify(prompt?.messages)).toContain('A shop');
  expect(resource?.contents).toMatchObject([{ mimeType: 'text/markdown', text: expect.stringMatching(/./) }]);
});
