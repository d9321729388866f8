import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { ERROR_CODES } from '../../servers/core/errors.ts';
import { createAuthority } from '../../servers/core/git/authority.ts';
import { verifyRecord } from '../../servers/core/record.ts';
import { type Agent, type Result, startFactory, type TestFactory } from '../harness.ts';
import { type FleetTool, fleetTools, nodesOf, type Schema, shippedFactory, toolsOf } from './fleet.ts';
import { sample, withValue } from './samples.ts';
import { attacks, NAUGHTY } from './strings.ts';

const tools = await fleetTools();
const KNOWN = new RegExp(`^(${ERROR_CODES.join('|')}): [^]+\\nNext: .+`);
const TASK = { title: 'Work', criteria: ['It holds'], stops: ['It does not'] };
/** Each naughty string goes to some tools only: all of them to all would take minutes. */
const SHARE = 25;

/** The whole fleet over a mainline, with an agent of every role that holds a task. */
async function site() {
  const factory = await startFactory();
  const definition = await shippedFactory('c-suite');
  await createAuthority(factory.home, {
    initial: [{ path: 'README.md', content: '# Product\n' }],
    message: 'Start',
    at: new Date(factory.clock.now()),
  });
  const ceo = await factory.agent('ceo');
  const agents = new Map<string, Agent>();
  for (const role of Object.keys(definition.roles)) {
    const agent = role === 'ceo' ? ceo : await factory.agent(role);
    agents.set(role, agent);
    await holdTask(ceo, agent);
  }
  await agents.get('developer')?.ok('workspace_open');
  const agentFor = (tool: FleetTool): Agent => {
    const role = Object.keys(definition.roles).find((name) =>
      toolsOf(definition, name, tools).includes(tool),
    );
    const preferred = tool.tool.needs === 'change:submit' ? 'developer' : role;
    return agents.get(preferred ?? '') as Agent;
  };
  return { factory, ceo, agentFor };
}

/** Takes a new task unless the agent still holds one. */
async function holdTask(ceo: Agent, agent: Agent): Promise<void> {
  await ceo.ok('task_create', { ...TASK, role: agent.name });
  await agent.ok('task_checkout');
}

const textsOf = (tool: FleetTool) =>
  nodesOf(tool.shown.inputSchema).filter(({ schema }) => schema.type === 'string' && !schema.enum);

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

async function tablesOf(db: TestFactory['services']['store']['db']): Promise<string[]> {
  return (await db.introspection.getTables()).map(({ name }) => name).sort();
}

async function refusalsOf({ services }: TestFactory): Promise<number> {
  const row = await services.store.db
    .selectFrom('refusals')
    .select((eb) => eb.fn.sum<number>('count').as('count'))
    .executeTakeFirstOrThrow();
  return Number(row.count ?? 0);
}

function fault(home: string, { isError, text }: Result): string | undefined {
  if (text.length > 10_000) return `an answer of ${text.length} characters`;
  if (isError && (!KNOWN.test(text) || text.startsWith('INTERNAL'))) return text.slice(0, 300);
  if (isError && (text.includes(home) || /\bat .*\.ts:\d+/.test(text))) return `leaks: ${text.slice(0, 300)}`;
  return undefined;
}

test('hostile text is refused with a known code or kept as data, whatever argument it comes in', async () => {
  const { factory, ceo, agentFor } = await site();
  const canary = join(factory.home, 'canary');
  const tables = await tablesOf(factory.services.store.db);
  const faults: string[] = [];
  let calls = 0;
  for (const [index, tool] of tools.entries()) {
    const { name, inputSchema } = tool.shown;
    const agent = agentFor(tool);
    for (const { path, schema } of textsOf(tool)) {
      const naughty = schema.pattern ? [] : NAUGHTY.filter((_, n) => (n + index) % SHARE === 0);
      const before = await refusalsOf(factory);
      let refused = 0;
      for (const text of [...attacks(canary), ...naughty]) {
        const args = withValue(inputSchema, sample(inputSchema) as Record<string, unknown>, path, text);
        const result = await agent.call(name, args);
        calls++;
        const wrong = fault(factory.home, result);
        if (wrong) faults.push(`${name} ${path} ${JSON.stringify(text).slice(0, 60)}: ${wrong}`);
        if (result.isError) refused++;
        if (!result.isError && ['task_complete', 'task_block', 'task_return'].includes(name))
          await holdTask(ceo, agent);
      }
      expect((await refusalsOf(factory)) - before, `${name} ${path}`).toBe(refused);
    }
  }

  expect(faults).toEqual([]);
  expect(calls).toBeGreaterThan(1_500);
  expect(existsSync(canary)).toBe(false);
  expect(await tablesOf(factory.services.store.db)).toEqual(tables);
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  expect(await verifyRecord(factory.services.store.db)).toMatchObject({ ok: true });
}, 120_000);

test('arguments that are missing, unknown, of another type or too large change nothing and are told the form', async () => {
  const { factory, agentFor } = await site();
  const faults: string[] = [];
  for (const tool of tools) {
    const { name, inputSchema } = tool.shown;
    const agent = agentFor(tool);
    const keys = Object.keys(inputSchema.properties ?? {});
    const [state, refusals] = [await stateOf(factory), await refusalsOf(factory)];
    const wrong = malformed(inputSchema);
    for (const args of wrong) {
      const { text } = await agent.call(name, args);
      const form =
        keys.length > 0
          ? `Call ${name} again; its arguments are ${keys[0]}`
          : `Call ${name} again without arguments.`;
      if (!text.startsWith('INVALID_INPUT: ') || !text.includes(`\nNext: ${form}`) || text.length > 3_000)
        faults.push(`${name} ${JSON.stringify(args).slice(0, 120)}: ${text.slice(0, 300)}`);
    }
    expect((await refusalsOf(factory)) - refusals, name).toBe(wrong.length);
    expect(await stateOf(factory), name).toBe(state);
  }

  expect(faults).toEqual([]);
  const { events } = await factory.services.store.db
    .selectFrom('activity')
    .select((eb) => eb.fn.countAll<number>().as('events'))
    .where('event', '=', 'intent')
    .executeTakeFirstOrThrow();
  expect(Number(events), 'only the workspace was opened').toBe(1);
}, 60_000);

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
    ...(schema.required ?? []).map((key) =>
      Object.fromEntries(Object.entries(good).filter(([name]) => name !== key)),
    ),
    ...Object.keys(schema.properties ?? {}).flatMap((key) =>
      [null, { deep: { er: [] } }, Number.MAX_VALUE, [[[]]]].map((value) => ({ ...good, [key]: value })),
    ),
    ...texts.map(({ path }) => withValue(schema, good, path, 'x'.repeat(300_000))),
  ];
}

test('a message of 10 MB is refused at the door, and the next one is answered', async () => {
  const { ceo } = await site();

  await expect(
    ceo.call('task_create', { ...TASK, role: 'qa', title: 'x'.repeat(10_000_000) }),
  ).rejects.toThrow();
  await ceo.ok('task_list');
});

test('keys that name the prototype reach no object', async () => {
  const { factory, ceo } = await site();
  const args = JSON.parse(`{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}`);

  const result = await ceo.call('task_list', args);

  expect(result.text).toMatch(/^INVALID_INPUT: /);
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  expect(fault(factory.home, result)).toBeUndefined();
});
