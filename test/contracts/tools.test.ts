import { readdir, readFile, unlink } from 'node:fs/promises';
import { countTokens } from 'gpt-tokenizer/encoding/o200k_base';
import { describe, expect, test } from 'vitest';
import { PRESETS } from '../../servers/core/factory/create.ts';
import { CAPABILITY_NAMES } from '../../servers/core/permissions.ts';
import { loadFleet, SERVER_NAMES } from '../../servers/fleet.ts';
import { type FleetTool, fleetTools, nodesOf, shippedFactory, toolsOf } from './fleet.ts';
import { expectFile, jsonText, UPDATE } from './golden.ts';

/** Besides those of its memory, which every role has. */
const MOST_TOOLS = 20;
const MOST_TOOLS_OF_MEMORY = 6;
const MOST_TOKENS = 3_000;
const MOST_TOKENS_OF_A_WORKER = 1_800;
const WORKERS = ['developer', 'qa', 'principal-engineer'];
/** What a model reads to fill a call in. */
const NEEDED_BY_A_HOST = ['type', 'properties', 'required', 'items', 'enum', 'description', 'default'];
/** The caller is who its session says; these arguments would let it say something else. */
const SAID_BY_THE_SESSION = ['agent', 'role', 'fence', 'approver', 'session', 'author', 'root'];
/** They name whose work is asked for, not who asks. */
const NAMES_WHOSE_WORK = ['task_create.role', 'agent_spawn.role'];

const tools = await fleetTools();
const folder = new URL('schemas/', import.meta.url);

test('every server has tools, and no two share a name', async () => {
  const servers = new Set(tools.map(({ server }) => server));
  expect(SERVER_NAMES.filter((name) => !servers.has(name))).toEqual([]);
  expect((await loadFleet()).tools.size).toBe(tools.length);
});

test('every tool file is named after its tool, of the subject its name begins with', async () => {
  for (const server of SERVER_NAMES) {
    const files = await readdir(new URL(`../../servers/${server}/tools/`, import.meta.url));
    const names = tools.filter((tool) => tool.server === server).map(({ tool }) => `${tool.name}.ts`);
    expect(names.sort()).toEqual(files.filter((file) => file.endsWith('.ts')).sort());
  }
});

test('every capability is needed by a tool, and granted to a role', async () => {
  const needed = new Set(tools.map(({ tool }) => tool.needs));
  expect(CAPABILITY_NAMES.filter((name) => !needed.has(name))).toEqual([]);
  for (const preset of PRESETS) {
    const { roles } = await shippedFactory(preset);
    const granted = new Set(Object.values(roles).flatMap(({ may }) => may));
    const lost = CAPABILITY_NAMES.filter((name) => !granted.has(name));
    expect(
      lost.filter((name) => preset === 'c-suite' || !['agent:beat', 'change:revert'].includes(name)),
    ).toEqual([]);
  }
});

test('no tool decides a checkpoint', () => {
  expect(tools.filter(({ tool }) => /approve|decide|sign|grant/.test(tool.name))).toEqual([]);
});

describe.each(tools.map((tool) => [tool.tool.name, tool] as const))('%s', (name, { tool, takes, shown }) => {
  const nodes = nodesOf(takes);

  test('has a name, a capability and a description of a few lines', () => {
    expect(name).toMatch(/^[a-z]+(_[a-z]+)+$/);
    expect(name.length).toBeLessThanOrEqual(40);
    expect(CAPABILITY_NAMES).toContain(tool.needs);
    expect(tool.description.length).toBeGreaterThanOrEqual(30);
    expect(tool.description.length).toBeLessThanOrEqual(330);
    expect(tool.description).toMatch(/^[A-Z].*\.$/s);
  });

  test('takes one strict object', () => {
    const { type, additionalProperties, anyOf, oneOf, allOf } = takes;
    expect({ type, additionalProperties, anyOf, oneOf, allOf }).toEqual({
      type: 'object',
      additionalProperties: false,
    });
  });

  test('bounds every text and every list', () => {
    const open = nodes.filter(
      ({ schema }) =>
        (schema.type === 'string' &&
          !schema.enum &&
          schema.const === undefined &&
          schema.maxLength === undefined &&
          !isBounded(schema.pattern)) ||
        (schema.type === 'array' && schema.maxItems === undefined) ||
        Object.keys(schema).length === 0,
    );
    expect(open.map(({ path }) => path)).toEqual([]);
  });

  test('has no long patterns', () => {
    expect(nodes.filter(({ schema }) => schema.format || (schema.pattern?.length ?? 0) > 60)).toEqual([]);
  });

  test('shows a host the same arguments, and spends no tokens on what the server checks', () => {
    const form = (all: ReturnType<typeof nodesOf>) =>
      all.map(({ path, schema }) => [path, schema.type, schema.enum, schema.const, schema.required]);
    const inHost = nodesOf(shown.inputSchema);
    expect(form(inHost)).toEqual(form(nodes));
    const keys = new Set(inHost.flatMap(({ schema }) => Object.keys(schema)));
    expect([...keys].filter((key) => !NEEDED_BY_A_HOST.includes(key))).toEqual([]);
  });

  test('lets nobody say who they are', () => {
    const claims = Object.keys(takes.properties ?? {})
      .filter((key) => SAID_BY_THE_SESSION.includes(key))
      .map((key) => `${name}.${key}`);
    expect(claims.filter((claim) => !NAMES_WHOSE_WORK.includes(claim))).toEqual([]);
  });

  test('is what its snapshot says', () => expectFile(`test/contracts/schemas/${name}.json`, jsonText(shown)));
});

test('no snapshot is left of a tool that is gone', async () => {
  const names = new Set(tools.map(({ tool }) => `${tool.name}.json`));
  const stale = (await readdir(folder)).filter((file) => !names.has(file));
  if (UPDATE) await Promise.all(stale.map((file) => unlink(new URL(file, folder))));
  else expect(stale).toEqual([]);
});

describe.each(PRESETS)('factory %s', (preset) => {
  test('shows each role at most 20 tools, and 6 of memory, in at most 3,000 tokens', async () => {
    const factory = await shippedFactory(preset);
    const rows = Object.keys(factory.roles).map((role) => {
      const own = toolsOf(factory, role, tools);
      return {
        role,
        tools: own.filter(({ server }) => server !== 'memory').length,
        ofMemory: own.filter(({ server }) => server === 'memory').length,
        tokens: sumOf(own.map(({ shown }) => tokensOf(shown))),
        untrimmed: sumOf(own.map(({ shown, takes }) => tokensOf({ ...shown, inputSchema: takes }))),
      };
    });
    console.table(rows);
    expect(rows.filter((row) => row.tools > MOST_TOOLS || row.tokens > MOST_TOKENS)).toEqual([]);
    expect(rows.filter((row) => row.ofMemory > MOST_TOOLS_OF_MEMORY)).toEqual([]);
    expect(
      rows.filter(
        (row) =>
          WORKERS.includes(row.role) &&
          !factory.roles[row.role]?.may.includes('infra:propose') &&
          row.tokens > MOST_TOKENS_OF_A_WORKER,
      ),
    ).toEqual([]);
    expect(rows.filter((row) => row.tools === 0)).toEqual([]);
  });
});

test('what the server checks of each input is what was read', () =>
  expectFile(
    'test/contracts/inputs.json',
    jsonText(Object.fromEntries(tools.map(({ tool, takes }) => [tool.name, takes]))),
  ));

test('the table of roles and tools is the one that was read', async () => {
  const tables = await Promise.all(PRESETS.map(async (preset) => table(preset, await rolesTable(preset))));
  const head =
    'Generated: which role may call which tool. `UPDATE=1 npx vitest run test/contracts` writes it.\n';
  await expectFile('test/contracts/permissions.md', `# Roles and tools\n\n${head}\n${tables.join('\n')}`);
});

test('snapshots hold what a host sees', async () => {
  const stored = JSON.parse(await readFile(new URL('task_create.json', folder), 'utf8'));
  expect(Object.keys(stored)).toEqual(['name', 'description', 'inputSchema', 'annotations']);
});

function tokensOf({ name, description, inputSchema }: FleetTool['shown']): number {
  return countTokens(JSON.stringify({ name, description, inputSchema }));
}

const sumOf = (numbers: readonly number[]) => numbers.reduce((sum, number) => sum + number, 0);

/** A pattern without open repetition bounds the text it matches. */
function isBounded(pattern: string | undefined): boolean {
  return pattern !== undefined && /^\^.*\$$/.test(pattern) && !/[*+]|,\}/.test(pattern.replace(/\\./g, ''));
}

async function rolesTable(preset: string): Promise<string[][]> {
  const factory = await shippedFactory(preset);
  const roles = Object.keys(factory.roles);
  const sees = new Map(
    roles.map((role) => [role, new Set(toolsOf(factory, role, tools).map(({ tool }) => tool.name))]),
  );
  return [
    ['tool', 'needs', ...roles],
    ['---', '---', ...roles.map(() => '---')],
    ...tools.map(({ tool }) => [
      tool.name,
      tool.needs,
      ...roles.map((role) => (sees.get(role)?.has(tool.name) ? 'x' : '')),
    ]),
  ];
}

const table = (title: string, rows: string[][]) =>
  `## ${title}\n\n${rows.map((cells) => `| ${cells.join(' | ')} |\n`).join('')}`;
