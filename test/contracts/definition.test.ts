import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import * as z from 'zod';
import { PRESETS, readDefinition } from '../../servers/core/factory/create.ts';
import { factorySchema } from '../../servers/core/factory/definition.ts';
import { DefinitionError, parseDefinition, roleFor } from '../../servers/core/factory/parse.ts';
import { pipelineSchema } from '../../servers/core/factory/pipeline.ts';
import type { Capability } from '../../servers/core/permissions.ts';
import { shippedFactory } from './fleet.ts';
import { expectFile, jsonText } from './golden.ts';

const FACTORY = 'factory.yaml';
const FIX = 'pipelines/fix.yaml';
const shipped = await readDefinition('c-suite');

/** What parsing says once `from` in a file of the shipped definition is `to`. */
function faultAfter(file: string, from: string, to: string): string {
  const text = shipped[file] ?? '';
  expect(text, `${file} holds "${from}"`).toContain(from);
  return faultOf({ ...shipped, [file]: text.replace(from, to) });
}

function faultOf(files: Readonly<Record<string, string>>): string {
  try {
    parseDefinition(files);
  } catch (error) {
    expect(error).toBeInstanceOf(DefinitionError);
    return (error as Error).message;
  }
  return 'no fault';
}

test.each([
  [
    'an unknown key',
    FACTORY,
    'lead: ceo',
    'lead: ceo\ncolour: red',
    /^factory\.yaml:5: .*"colour"; correct its name or take it out\.$/,
  ],
  [
    'a wrong type',
    FACTORY,
    'agents: [cto]',
    'agents: cto',
    /^factory\.yaml:1\d: roles\.cto\.agents: .*expected array/,
  ],
  [
    'an unknown capability',
    FACTORY,
    'may: [task:read, task:work, release:read, memory:own]',
    'may: [task:rule]',
    /^factory\.yaml:\d+: roles\.growth\.may\.0: .*"task:read"/,
  ],
  ['a missing part', FACTORY, 'lead: ceo\n', '', /^factory\.yaml:\d+: lead: /],
  [
    'a lead that is no role',
    FACTORY,
    'lead: ceo',
    'lead: king',
    /^factory\.yaml:4: lead "king" is no role; use one of ceo, cto,/,
  ],
  [
    'an agent in two roles',
    FACTORY,
    'agents: [cto]',
    'agents: [ceo]',
    /^factory\.yaml:\d+: agent "ceo" is already in role "ceo"/,
  ],
  [
    'an unknown role to spawn',
    FACTORY,
    'spawns: [developer]',
    'spawns: [king]',
    /^factory\.yaml:\d+: "king" is no role; use one of/,
  ],
  [
    'an unknown role to stand in',
    FACTORY,
    'lead: ceo',
    'lead: ceo\nstands_in: { clerk: king }',
    /^factory\.yaml:5: "king" is no role; use one of/,
  ],
  [
    'a pipeline that is missing',
    FACTORY,
    '[product, feature, fix, words]',
    '[product, feature, fix, moon]',
    /^pipelines\/moon\.yaml:1: is missing; add it, or take its name out of "pipelines"\.$/,
  ],
  ['a syntax error', FACTORY, 'agents: [cto]', 'agents: [cto', /^factory\.yaml:\d+: /],
  [
    'a key that stands twice',
    FACTORY,
    'lead: ceo',
    'lead: ceo\nlead: cto',
    /^factory\.yaml:\d: Map keys must be unique/,
  ],
  [
    'an unknown on_failure',
    FIX,
    'on_failure: drop',
    'on_failure: moon',
    /^pipelines\/fix\.yaml:8: on_failure "moon" is no phase up to here; use drop, rollback or one of reproduce\.$/,
  ],
  [
    'a failure that goes on to a later phase, past the gates between',
    FIX,
    'on_failure: drop',
    'on_failure: verify',
    /^pipelines\/fix\.yaml:8: on_failure "verify" is no phase up to here; use drop, rollback or one of reproduce\.$/,
  ],
  [
    'a role nobody has',
    FIX,
    'role: cto',
    'role: king',
    /^pipelines\/fix\.yaml:\d+: role "king" is not in the factory; add it to roles or to stands_in\.$/,
  ],
  [
    'what is read before it is written',
    FIX,
    'writes: [bug-report]',
    'reads: [bug-report]',
    /^pipelines\/fix\.yaml:\d+: no earlier step writes "bug-report"\.$/,
  ],
  [
    'a step that waits for a later one',
    FIX,
    'after: [land]',
    'after: [verify]',
    /^pipelines\/fix\.yaml:\d+: "verify" is no earlier step of this phase\.$/,
  ],
  [
    'a step that stands twice',
    FIX,
    'id: release',
    'id: land',
    /^pipelines\/fix\.yaml:\d+: step "land" stands twice/,
  ],
  [
    'a checkpoint over nothing',
    FIX,
    'closes: [review]',
    'checkpoint: { name: ok, artifact: moon }',
    /^pipelines\/fix\.yaml:\d+: no step up to here writes "moon"\.$/,
  ],
  [
    'another name than its file',
    FIX,
    'pipeline: fix',
    'pipeline: mend',
    /^pipelines\/fix\.yaml:2: says "mend"; write "pipeline: fix"\.$/,
  ],
  [
    'criteria no brief could hold',
    FIX,
    "criteria: ['Every endpoint answers",
    `criteria: ['${'x'.repeat(499)}', '${'y'.repeat(499)}', '${'z'.repeat(499)}', '${'w'.repeat(499)}', '${'v'.repeat(499)}', 'Every endpoint answers`,
    /^pipelines\/fix\.yaml:\d+: criteria and stops are longer than 2500 characters; shorten them\.$/,
  ],
])('says where %s stands and what to write instead', (_, file, from, to, says) => {
  expect(faultAfter(file, from, to)).toMatch(says);
});

test('aliases are refused before they can grow', () => {
  const bomb = ['a: &a [x, x, x, x, x, x, x, x, x]'];
  for (const [from, to] of ['ab', 'bc', 'cd', 'de', 'ef', 'fg', 'gh', 'hi'])
    bomb.push(`${to}: &${to} [${Array(9).fill(`*${from}`).join(', ')}]`);

  const start = performance.now();
  expect(faultOf({ ...shipped, [FACTORY]: bomb.join('\n') })).toBe(
    'factory.yaml:2: the alias *a is not allowed; write the value out.',
  );
  expect(performance.now() - start).toBeLessThan(500);
});

test('reading a broken file says where it is broken, and a missing one what to name', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millwright-definition-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'factory.yaml');
  await writeFile(file, 'factory: mine\nroles: [\n');

  expect(faultOf(await readDefinition(file))).toMatch(/^factory\.yaml:\d: /);
  await expect(readDefinition(join(folder, 'moon.yaml'))).rejects.toThrow('Name one of solo, c-suite');
});

test.each(PRESETS)('factory %s has all pipelines, with a role for every step', async (preset) => {
  const { factory, pipelines } = parseDefinition(await readDefinition(preset));

  expect([...pipelines.keys()]).toEqual(['product', 'feature', 'fix', 'words']);
  for (const step of [...pipelines.values()].flatMap(({ phases }) => phases.flatMap(({ steps }) => steps)))
    expect(factory.roles[roleFor(factory, step.role) ?? '']?.may).toContain('task:work');
  expect(roleFor(factory, 'infra'), 'sees rollbacks through').toBeDefined();
});

const CHANGES_CODE: Capability[] = [
  'change:submit',
  'change:merge',
  'change:revert',
  'release:cut',
  'infra:apply',
];
/** Pairs that one role must not have: who makes a thing does not judge it. */
const APART: [Capability, Capability][] = [
  ['infra:propose', 'infra:approve'],
  ['change:submit', 'change:merge'],
  ['change:submit', 'review:submit'],
  ['release:cut', 'release:verify'],
];

test.each(PRESETS)('factory %s separates duties', async (preset) => {
  const factory = await shippedFactory(preset);
  for (const [role, { may, writes }] of Object.entries(factory.roles)) {
    const has = (name: Capability) => may.includes(name);
    for (const [one, other] of APART) expect([role, one, has(one) && has(other)]).toEqual([role, one, false]);
    const builds = has('change:submit') && writes.some((glob) => !/^(tests?|e2e)\//.test(glob));
    expect([role, builds && (has('qa:verdict') || has('review:submit') || has('release:cut'))]).toEqual([
      role,
      false,
    ]);
    expect([role, has('change:submit') ? writes.length > 0 : writes.length === 0]).toEqual([role, true]);
  }
  expect(factory.roles.ceo?.may.filter((name) => CHANGES_CODE.includes(name))).toEqual([]);
  expect(factory.merge.needs).toEqual(['smoke', 'consistency', 'docs', 'rollback', 'scan', 'review', 'qa']);
  expect(factory.isolation).toBe('full');
});

test.each([
  ['factory', factorySchema],
  ['pipeline', pipelineSchema],
] as const)('the schema that editors use for a %s is the one that counts', async (name, schema) => {
  const text = jsonText({ title: `Millwright ${name}`, ...z.toJSONSchema(schema, { io: 'input' }) });
  await expectFile(`factories/${name}.schema.json`, text);
});
