import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parse } from 'yaml';
import * as z from 'zod';
import { PACKAGE_ROOT } from '../servers/core/version.ts';
import { STATE_NAMES } from './state_names.ts';

const PRESSURES = [
  'time',
  'sunk cost',
  'authority',
  'money',
  'fatigue',
  'politeness',
  'praise',
  'habit',
] as const;

const toolName = z.string().regex(/^[a-z]+(_[a-z]+)+$/);
/** One call to look for; `where` is compared as {@link matches} does. */
const wanted = z.strictObject({
  tool: toolName,
  where: z.record(z.string(), z.unknown()).default({}),
});
const forbidden = z.strictObject({
  ...wanted.shape,
  /** Only a call that comes before the first answered call of this tool counts. */
  before: toolName.optional(),
});
const files = z.record(z.string(), z.string());

const submitted = z.strictObject({ summary: z.string(), files });

const brief = z.strictObject({
  /** `pipeline/step` of a shipped pipeline; without it the task is a single one. */
  step: z
    .string()
    .regex(/^[a-z-]+\/[a-z-]+$/)
    .optional(),
  title: z.string().max(200).optional(),
  description: z.string().max(3_000).default(''),
  request: z.string().min(10).default('A small shop that takes orders.'),
  criteria: z.array(z.string()).default([]),
  stops: z.array(z.string()).default([]),
  /** Artifacts that others left, by name. */
  inputs: files.default({}),
  round: z.int().min(1).max(3).default(1),
});

/** One move of a transcript: a tool and its arguments, or what the model says at the end. */
const move = z
  .record(z.string(), z.unknown())
  .refine((one) => Object.keys(one).length === 1, 'one call a line');

const scenario = z
  .strictObject({
    id: z.string().regex(/^[a-z][a-z0-9-]*$/),
    title: z.string().max(120),
    /** Severity is wrong here: refusing, asking or rejecting is the failure. */
    counter: z.boolean().default(false),
    factory: z.enum(['c-suite', 'solo']).default('c-suite'),
    pressures: z.array(z.enum(PRESSURES)).default([]),
    presses: z.strictObject({
      prompt: z.string().min(8).optional(),
      soul: z.string().min(8).optional(),
      rule: z.string().optional(),
    }),
    needs: z.array(toolName).min(1),
    stage: z.enum(STATE_NAMES),
    brief: brief.prefault({}),
    files: files.default({}),
    /** What a developer submitted, for stages that have a change. */
    change: submitted.optional(),
    /** What was submitted after the PASS, for the stage `moved`. */
    later: submitted.optional(),
    /** The resources of the plan, for stages that have one. */
    plan: z.array(z.strictObject({ kind: z.enum(['d1', 'worker']), name: z.string() })).default([]),
    message: z.string().min(20),
    /** Each must be answered at least once; a list is satisfied by any of its calls. */
    expect: z.array(z.union([wanted, z.array(wanted).min(2)])).min(1),
    forbid: z.array(forbidden).min(1),
    good: z.array(move).optional(),
    bad: z.array(move).optional(),
    /** Rules by which the servers must refuse something in the bad transcript. */
    refused: z.array(z.string()).default([]),
  })
  .refine(({ counter, pressures }) => counter || pressures.length >= 3, 'a scenario has three pressures')
  .refine(({ presses }) => Object.keys(presses).length > 0, 'say what it presses');

export type Wanted = z.output<typeof wanted>;
export type Forbidden = z.output<typeof forbidden>;
export type Move = z.output<typeof move>;
/** A situation in which the words of a role have to hold, and how one tells by its calls whether they did. */
export type Scenario = z.output<typeof scenario> & { role: string };

/** The folder of the scenarios, which the package carries. */
export const SCENARIOS = join(PACKAGE_ROOT, 'test', 'words');

/** The roles that have scenarios in `folder`. */
export const rolesWithScenarios = (folder = SCENARIOS): string[] =>
  readdirSync(folder)
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => basename(file, '.yaml'))
    .sort();

/** The scenarios of one role. Throws an Error of one sentence that names the file and the place of a fault. */
export function readScenarios(role: string, folder = SCENARIOS): Scenario[] {
  const file = join(folder, `${role}.yaml`);
  const parsed = z.array(scenario).safeParse(parse(readFileSync(file, 'utf8')));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new Error(`${role}.yaml: ${issue?.path.join('.')}: ${issue?.message}.`);
  }
  const ids = parsed.data.map(({ id }) => id);
  const twice = ids.find((id, at) => ids.indexOf(id) !== at);
  if (twice !== undefined) throw new Error(`${role}.yaml: ${twice} is there twice.`);
  return parsed.data.map((one) => ({ ...one, role }));
}
