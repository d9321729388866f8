import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { answerCall } from '../../servers/core/call.ts';
import { verifyRecord } from '../../servers/core/record.ts';
import { loadFleet } from '../../servers/fleet.ts';
import { worker } from '../gates/site.ts';
import { startFactory, type TestFactory } from '../harness.ts';
import { DIALECTS, newLocation } from '../store/stores.ts';
import { sessionOf } from '../tasks/stage.ts';
import { setCanaries } from './canaries.ts';
import { type FleetTool, fleetTools, nodesOf, type Schema } from './fleet.ts';
import { attack, expectUnharmed, fault, refusalsOf, tablesOf } from './hostile_attack.ts';
import { argumentsWith, textArguments } from './hostile_inputs.ts';
import { hostileSite } from './hostile_site.ts';
import { readBack } from './read_back.ts';
import { sample, withValue } from './samples.ts';
import { attacks, NAUGHTY } from './strings.ts';

const tools = await fleetTools();
const byServer = Map.groupBy(tools, ({ server }) => server);
/** Each call of these runs git many times over: they get a share of the texts. */
const RUNS_GIT = ['change_submit', 'change_diff', 'change_revert'];
const SHARE = 60;
const TASK = { title: 'Work', criteria: ['It holds'], stops: ['It does not'] };

/** All rows but those of the record and the count of refusals. */
async function stateOf({ services }: TestFactory): Promise<string> {
  const { db } = services.store;
  const hash = createHash('sha256');
  for (const table of await tablesOf(db)) {
    if (table === 'activity' || table === 'refusals') continue;
    const { rows } = await sql`select * from ${sql.table(table)} order by 1`.execute(db);
    hash.update(`${table}${JSON.stringify(rows)}`);
  }
  return hash.digest('hex');
}

test('hostile text is refused with a known code or kept as data, whatever argument it comes in', async () => {
  const at = await hostileSite(tools);
  const canaries = await setCanaries();
  const tables = await tablesOf(at.factory.services.store.db);
  const texts = [...attacks(canaries), ...NAUGHTY];
  const faults: string[] = [];
  const taken = new Map<string, number>();
  for (const [server, own] of byServer) {
    for (const tool of own) {
      const share = RUNS_GIT.includes(tool.shown.name) ? SHARE : 1;
      const found = await attack(
        at,
        tool,
        texts.filter((_, index) => index % share === 0),
        canaries,
      );
      faults.push(...found.faults);
      taken.set(tool.shown.name, found.taken);
    }
    await expectUnharmed(at, canaries, tables, server);
  }

  expect(NAUGHTY).toHaveLength(461);
  expect(faults).toEqual([]);
  expect(KEEPS_ALL.filter((name) => (taken.get(name) ?? 0) < 50)).toEqual([]);
}, 300_000);

/** Tools that take any text: a test in which they refuse it all would show nothing. */
const KEEPS_ALL = [
  ...['task_create', 'task_complete', 'task_block', 'task_return', 'activity_log', 'artifact_put'],
  ...[
    'artifact_review',
    'checkpoint_request',
    'review_submit',
    'agent_spawn',
    'memory_write',
    'lesson_record',
  ],
];

test('on PostgreSQL the attacks end as they do on SQLite', async () => {
  const only = tools.filter(({ shown }) => ON_POSTGRES.includes(shown.name));
  const at = await hostileSite(tools, { databaseUrl: await newLocation('postgres'), isBuilt: false });
  const canaries = await setCanaries();
  const tables = await tablesOf(at.factory.services.store.db);
  const faults: string[] = [];
  for (const tool of only) faults.push(...(await attack(at, tool, attacks(canaries), canaries)).faults);

  expect(only).toHaveLength(ON_POSTGRES.length);
  expect(faults).toEqual([]);
  await expectUnharmed(at, canaries, tables);
}, 60_000);

/** One of each way into the store: a text, a list, an id, a body, a search, an entry of the record. */
const ON_POSTGRES = [
  'task_create',
  'task_show',
  'artifact_put',
  'activity_log',
  'lesson_search',
  'memory_write',
];

test.each(DIALECTS)(
  'a name that no tool has is refused and recorded, whatever it is (%s)',
  async (dialect) => {
    const databaseUrl = dialect === 'postgres' ? await newLocation(dialect) : undefined;
    const factory = await startFactory({ servers: ['tasks'], databaseUrl });
    const canaries = await setCanaries();
    const ceo = await factory.agent('ceo');
    const session = await sessionOf(factory, 'ceo');
    const { tools: fleet } = await loadFleet(['tasks']);
    const names = [
      ...attacks(canaries),
      ...NAUGHTY.slice(0, 60),
      'x'.repeat(100_000),
      `${'x'.repeat(79)}\u{1f600}`,
    ];
    const before = await refusalsOf(factory);
    const faults: string[] = [];
    for (const name of names) {
      const request = { name, arguments: {}, signal: new AbortController().signal };
      const answer = await answerCall(fleet, factory.services, session.id, request);
      const text = answer.ok ? answer.text : answer.error.render();
      const wrong = fault(factory.home, { isError: !answer.ok, text, value: {} }, canaries);
      if (wrong || !text.startsWith('NOT_FOUND: ')) faults.push(`${name.slice(0, 80)}: ${wrong ?? text}`);
    }

    expect(faults).toEqual([]);
    expect((await refusalsOf(factory)) - before).toBe(names.length);
    expect(await canaries.sung()).toEqual([]);
    expect(await verifyRecord(factory.services.store.db)).toMatchObject({ ok: true });
    await ceo.ok('task_list');
  },
);

test('over real HTTP every tool answers an attack as it does in this process', async () => {
  const at = await hostileSite(tools);
  const canaries = await setCanaries();
  const tables = await tablesOf(at.factory.services.store.db);
  const texts = attacks(canaries);
  const agents = [...new Set(tools.map((tool) => at.agentFor(tool)))];
  const listed = async () =>
    JSON.stringify(await Promise.all(agents.map(({ client }) => client.listTools())));
  const shown = await listed();
  const faults: string[] = [];
  let calls = 0;
  for (const [index, tool] of tools.entries()) {
    for (const { path } of textArguments(tool)) {
      const text = texts[(calls * 7 + index) % texts.length] ?? '';
      const args = argumentsWith(tool, at.fitting(tool.shown.name), path, text);
      const result = await at.agentFor(tool).call(tool.shown.name, args);
      calls++;
      const wrong = fault(at.factory.home, result, canaries) ?? (await readBack(at, tool, args, result));
      if (wrong) faults.push(`${tool.shown.name} ${path} ${JSON.stringify(text)}: ${wrong}`);
      if (!result.isError) await at.putBack(tool);
    }
  }

  expect(faults).toEqual([]);
  expect(calls).toBeGreaterThan(60);
  expect(await listed(), 'no refusal, error or text changes what an agent is shown').toBe(shown);
  for (const { shown: tool } of tools) expect(shown).toContain(JSON.stringify(tool));
  await expectUnharmed(at, canaries, tables);
}, 60_000);

test('arguments that are missing, unknown, of another type or too large change nothing and are told the form', async () => {
  const at = await hostileSite(tools, { isBuilt: false });
  const { factory } = at;
  const [state, intents] = [await stateOf(factory), await intentsIn(factory)];
  const faults: string[] = [];
  const sendMalformed = async (tool: FleetTool) => {
    const {
      shown: { name },
      takes,
    } = tool;
    const keys = Object.keys(takes.properties ?? {});
    const refusals = await refusalsOf(factory);
    const wrong = malformed(takes);
    for (const args of wrong) {
      const { text } = await at.call(tool, args);
      const form =
        keys.length > 0
          ? `Call ${name} again; its arguments are ${keys[0]}`
          : `Call ${name} again without arguments.`;
      if (!text.startsWith('INVALID_INPUT: ') || !text.includes(`\nNext: ${form}`) || text.length > 3_000)
        faults.push(`${name} ${JSON.stringify(args)?.slice(0, 120)}: ${text.slice(0, 300)}`);
    }
    expect((await refusalsOf(factory)) - refusals, name).toBe(wrong.length);
  };
  for (const [server, own] of byServer) {
    for (const tool of own) await sendMalformed(tool);
    expect(await stateOf(factory), `the tools of ${server} changed something`).toBe(state);
  }

  expect(faults).toEqual([]);
  expect(await intentsIn(factory), 'nothing outside was tried').toBe(intents);
}, 60_000);

async function intentsIn({ services }: TestFactory): Promise<number> {
  const { events } = await services.store.db
    .selectFrom('activity')
    .select((eb) => eb.fn.countAll<number>().as('events'))
    .where('event', '=', 'intent')
    .executeTakeFirstOrThrow();
  return Number(events);
}

/** Wrong in one way each; the rest is valid. */
function malformed(schema: Schema): Record<string, unknown>[] {
  const good = sample(schema) as Record<string, unknown>;
  const texts = nodesOf(schema).filter(
    (node) => node.schema.type === 'string' && !node.path.includes('<key>'),
  );
  return [
    { ...good, force: true },
    { ...good, agent: 'ceo', fence: 99 },
    { ...good, ['k'.repeat(5_000)]: 1 },
    { ...good, deep: nested(DEEPEST) },
    { ...good, constructor: { prototype: { polluted: true } } },
    ...(schema.required ?? []).map((key) =>
      Object.fromEntries(Object.entries(good).filter(([name]) => name !== key)),
    ),
    ...Object.keys(schema.properties ?? {}).flatMap((key) =>
      [null, { deep: { er: [] } }, Number.MAX_VALUE, Number.NaN, [[[]]], nested(DEEPEST)].map((value) => ({
        ...good,
        [key]: value,
      })),
    ),
    ...texts.map(({ path }) => withValue(schema, good, path, 'x'.repeat(300_000))),
  ];
}

/** Lists in lists, as deep as a message of a host can have them. */
const DEEPEST = 100_000;
function nested(depth: number): unknown {
  let value: unknown = [];
  for (let level = 0; level < depth; level++) value = [value];
  return value;
}

test('a document of brackets a hundred thousand deep is kept or refused, and read again as it was', async () => {
  const factory = await startFactory({ servers: ['tasks', 'gates'] });
  const developer = await worker(factory, 'developer');
  const depth = 99_990;
  const body = '['.repeat(depth) + ']'.repeat(depth);

  const put = await developer.call('artifact_put', { name: 'deep', media: 'application/json', body });
  const kept = await developer.ok('artifact_put', { name: 'deep', media: 'text/plain', body });
  const read = await developer.ok('artifact_get', { artifact: kept.artifact, offset: depth - 4, limit: 8 });

  expect(put.text).toMatch(/^INVALID_INPUT: |^\{"artifact"/);
  expect(read).toMatchObject({ text: '[[[[]]]]', total: 2 * depth });
});

test('a message of 10 MB is refused at the door, and the next one is answered', async () => {
  const factory = await startFactory({ servers: ['tasks'] });
  const ceo = await factory.agent('ceo');

  await expect(
    ceo.call('task_create', { ...TASK, role: 'qa', title: 'x'.repeat(10_000_000) }),
  ).rejects.toThrow();
  await ceo.ok('task_list');
});

test('keys that name the prototype reach no object', async () => {
  const factory = await startFactory({ servers: ['tasks'] });
  const ceo = await factory.agent('ceo');
  const args = JSON.parse(`{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}`);

  const result = await ceo.call('task_list', args);

  expect(result.text).toMatch(/^INVALID_INPUT: /);
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  expect(fault(factory.home, result)).toBeUndefined();
});
