import { cp, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';

/** The names of findings, by the part of QA that makes them; docs/qa-classes.md explains each. */
export const CLASSES = {
  page: [
    'clipped',
    'unreachable',
    'cut-text',
    'overlap',
    'off-screen',
    'horizontal-scroll',
    'accessibility',
    'console-error',
    'failed-request',
    'broken-link',
    'broken-image',
    'layout-shift',
    'focus-trap',
    'keyboard-unreachable',
  ],
  probe: [
    'server-error',
    'validation',
    'sql-injection',
    'command-injection',
    'header-injection',
    'path-traversal',
    'template-injection',
    'stored-xss',
    'reflected-xss',
    'ssrf',
    'open-redirect',
    'auth-missing',
    'other-user',
    'role-escalation',
    'expired-token',
    'mass-assignment',
    'race',
    'idempotency',
    'pagination',
    'oversized-body',
    'malformed-body',
    'cors',
    'cookie',
    'security-headers',
    'rate-limit',
    'error-leak',
  ],
  cost: ['cpu-limit', 'subrequests', 'bundle-size', 'start-up-time'],
  project: [
    'no-start',
    'no-tests',
    'failing-test',
    'flaky-test',
    'secret',
    'unpinned',
    'vulnerable-dependency',
    'licence',
    'dangerous-pattern',
    'untied-criterion',
    'test-proves-nothing',
    'hostile',
  ],
} as const;

/** Findings about a suite or a task count only where the case is a project: a page or a running product has neither. */
export const ONLY_OF_PROJECTS: readonly string[] = ['no-tests', 'untied-criterion', 'test-proves-nothing'];

const Text = z.record(z.string(), z.string());
const Severity = z.enum(['critical', 'high', 'medium', 'low']);
const Class = z.enum(Object.values(CLASSES).flat());
const Name = z.string().regex(/^[a-z0-9]+(-[a-z0-9]+)*$/);
/** `also`: other places that name the same fault rightly. */
const Finding = z.strictObject({
  class: Class,
  severity: Severity,
  where: z.string(),
  also: z.array(z.string()).optional(),
});

const RequestStep = z.strictObject({
  method: z.string(),
  path: z.string().startsWith('/'),
  headers: Text.optional(),
  as: z.string().optional(),
  body: z.string().optional(),
  fill: z.int().positive().optional(),
  parallel: z.int().min(2).max(100).optional(),
  repeat: z.int().min(2).max(20).optional(),
  keep: Text.optional(),
  expect: z.strictObject({
    status: z.int(),
    body: z.string().optional(),
    lacks: z.string().optional(),
    header: Text.optional(),
    header_lacks: Text.optional(),
    times: z.int().positive().optional(),
    min_ms: z.number().positive().optional(),
  }),
});

const RunStep = z.strictObject({
  run: z.array(z.string()).min(1),
  over: z.string().optional(),
  runs: z.int().min(2).max(20).optional(),
  within: z.int().positive().optional(),
  expect: z.strictObject({
    exit: z.int().optional(),
    exits: z.array(z.int()).optional(),
    output: z.string().optional(),
  }),
});

const FileStep = z.strictObject({ file: z.string(), has: z.string() });
const BundleStep = z.strictObject({ bundle: z.strictObject({ gzip_bytes_at_least: z.int() }) });
const StartupStep = z.strictObject({
  startup: z.strictObject({ cpu_ms_at_least: z.int().optional(), throws: z.string().optional() }),
});

const Measure = z.strictObject({
  size: z.tuple([z.int(), z.int()]),
  click: z.array(z.string()).default([]),
  wait: z.int().default(0),
  holds: z.string(),
});

const Case = z.strictObject({
  id: Name,
  kind: z.enum(['page', 'worker', 'node', 'project']),
  sound: z.boolean(),
  twin: Name.optional(),
  expect: z.array(Finding),
  auth: z.string().optional(),
  needs: z.array(z.literal('d1')).default([]),
  parent: z.string().optional(),
  task: z
    .strictObject({
      criteria: z.array(z.strictObject({ id: z.string(), text: z.string() })),
      ties: z.record(z.string(), z.array(z.string())),
    })
    .optional(),
  proof: z.array(z.union([RequestStep, RunStep, FileStep, BundleStep, StartupStep])).default([]),
  measure: Measure.optional(),
});

const Hostile = z.strictObject({
  id: Name,
  what: z.string(),
  expect: Finding.extend({ reason: z.string() }),
  observe: z.array(
    z.strictObject({ of: z.string(), says: z.string(), within: z.int().positive().optional() }),
  ),
});

/** Two users' headers, those of a token that ended, and an admin's, as `millwright qa TARGET --auth FILE` takes them. */
export const Auth = z.strictObject({
  users: z.array(z.strictObject({ name: z.string(), headers: Text })).min(1),
  expired: z.strictObject({ headers: Text }).optional(),
  admin: z.strictObject({ name: z.string(), headers: Text }).optional(),
});

export type RequestStep = z.infer<typeof RequestStep>;
export type RunStep = z.infer<typeof RunStep>;
export type Step = z.infer<typeof Case>['proof'][number];
export type Measure = z.infer<typeof Measure>;
export type PlantedCase = z.infer<typeof Case> & { readonly dir: string };
export type HostileCase = z.infer<typeof Hostile> & { readonly dir: string };

/** Every planted defect and every sound twin, by id. Throws when a case.yaml does not fit. */
export const cases = () => read('cases', Case);

/** The projects that attack whoever tests them, by id. Throws when a case.yaml does not fit. */
export const hostileProjects = () => read('hostile', Hostile);

/** Copies the product of a case into the new folder `to`, without what gives it away: case.yaml, its auth file, its parent. */
export async function checkOut(planted: Pick<PlantedCase, 'dir' | 'auth' | 'parent'>, to: string) {
  const kept = ['case.yaml', planted.auth, planted.parent].flatMap((name) =>
    name === undefined ? [] : [join(planted.dir, name)],
  );
  await cp(planted.dir, to, { recursive: true, filter: (path) => !kept.includes(path) });
}

/** The auth file of a case, if it has one. */
export async function authOf(planted: PlantedCase): Promise<z.infer<typeof Auth> | undefined> {
  if (planted.auth === undefined) return undefined;
  return Auth.parse(JSON.parse(await readFile(join(planted.dir, planted.auth), 'utf8')));
}

async function read<T>(folder: string, schema: z.ZodType<T>): Promise<(T & { dir: string })[]> {
  const root = join(import.meta.dirname, folder);
  const names = (await readdir(root)).sort();
  return Promise.all(
    names.map(async (name) => {
      const dir = join(root, name);
      return { ...schema.parse(parse(await readFile(join(dir, 'case.yaml'), 'utf8'))), dir };
    }),
  );
}
