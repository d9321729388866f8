import { type ParseError, parse, printParseErrorCode } from 'jsonc-parser';
import * as z from 'zod';
import { ToolError } from '../errors.ts';
import { isPlainPath } from './digest.ts';
import { NAME } from './names.ts';
import type { WorkerConfig } from './target.ts';

const MAX_CONFIG_CHARS = 100_000;

/** Keys that decide what is deployed, or where, with the reason each is refused for. */
const REFUSED: Record<string, string> = {
  env: 'an environment is a second Worker without the bindings and secrets of the first',
  build: 'it names a command of the project to run while deploying',
  account_id: 'the account belongs to the target, not to the project',
  route: 'addresses are part of the approved infrastructure',
  routes: 'addresses are part of the approved infrastructure',
  workers_dev: 'addresses are part of the approved infrastructure',
  preview_urls: 'addresses are part of the approved infrastructure',
  no_bundle: 'what is verified is the bundle that the server builds',
  find_additional_modules: 'what is verified is the bundle that the server builds',
  base_dir: 'what is verified is the bundle that the server builds',
  rules: 'what is verified is the bundle that the server builds',
};

const name = z.string().regex(NAME, 'use lower-case letters, digits and inner hyphens');
const binding = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/, 'use a JavaScript name');
const path = z.string().refine(isPlainPath, 'use a relative path inside the repository, in plain characters');

const schema = z.strictObject({
  $schema: z.string().optional(),
  name,
  main: path.refine(
    (file) => /\.(?:ts|tsx|mts|js|jsx|mjs)$/.test(file),
    'use a TypeScript or JavaScript file',
  ),
  compatibility_date: z.string().regex(/^\d{4}-\d{2}-\d{2}$/, 'use YYYY-MM-DD'),
  compatibility_flags: z
    .array(z.string().regex(/^[a-z0-9_:-]{1,80}$/))
    .max(40)
    .default([]),
  observability: z.unknown().optional(),
  d1_databases: z
    .array(
      z.strictObject({
        binding,
        database_name: name,
        database_id: z.string().optional(),
        migrations_dir: path.default('migrations'),
      }),
    )
    .max(20)
    .default([]),
  vars: z.record(binding, z.string().max(5_000)).default({}),
});

/** A project's Worker as it describes itself; `config.main` is its source file, `migrations` where each lies. */
export interface WorkerSource {
  config: WorkerConfig;
  migrations: { database: string; directory: string }[];
}

/**
 * Reads the text of a wrangler.jsonc or wrangler.json as data; nothing is executed and no other file is read.
 *
 * Only keys that mean something to every target are accepted; database ids are ignored, as resources are found
 * by name. Throws INVALID_INPUT that names the key (`env` and `build` among others) or the place of a mistake.
 */
export function readWorkerConfig(text: string): WorkerSource {
  const value = parseJsonc(text);
  refuseKeys(value);
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw invalid(sentence(parsed.error));
  const { d1_databases, vars, ...file } = parsed.data;
  const bindings = [...d1_databases.map((database) => database.binding), ...Object.keys(vars)];
  if (new Set(bindings).size !== bindings.length) throw invalid('The Worker config binds one name twice.');
  return {
    config: {
      name: file.name,
      main: file.main,
      compatibilityDate: file.compatibility_date,
      compatibilityFlags: file.compatibility_flags,
      d1: d1_databases.map(({ binding, database_name }) => ({ binding, database: database_name })),
      kv: [],
      r2: [],
      queues: { producers: [], consumers: [] },
      crons: [],
      durableObjects: [],
      assets: null,
      secrets: [],
      vars,
    },
    migrations: d1_databases.map(({ database_name, migrations_dir }) => ({
      database: database_name,
      directory: migrations_dir,
    })),
  };
}

function parseJsonc(text: string): unknown {
  if (text.length > MAX_CONFIG_CHARS)
    throw invalid(`The Worker config is over ${MAX_CONFIG_CHARS} characters.`);
  const errors: ParseError[] = [];
  const value: unknown = parse(text, errors, { allowTrailingComma: true });
  const [error] = errors;
  if (!error) return value;
  const line = text.slice(0, error.offset).split('\n').length;
  throw invalid(`The Worker config is not valid JSONC: ${printParseErrorCode(error.error)} in line ${line}.`);
}

function refuseKeys(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  for (const key of Object.keys(value)) {
    const why = Object.hasOwn(REFUSED, key) ? REFUSED[key] : undefined;
    if (why)
      throw invalid(`The Worker config has the key "${key}": ${why}.`, `Remove "${key}" and submit again.`);
    if (!Object.hasOwn(schema.shape, key)) {
      throw invalid(
        `The Worker config has the key ${JSON.stringify(key.slice(0, 80))}, which would change what is deployed and is not among what Millwright deploys: ${Object.keys(schema.shape).join(', ')}.`,
      );
    }
  }
}

function sentence(error: z.ZodError): string {
  const [issue] = error.issues;
  const where =
    issue?.path
      .join('.')
      .replace(/[^\w.$-]/g, '?')
      .slice(0, 100) || 'the top';
  return `The Worker config is wrong at ${where}: ${issue?.message ?? 'invalid'}.`;
}

const invalid = (what: string, remedy = 'Correct wrangler.jsonc in the repository and submit again.') =>
  new ToolError('INVALID_INPUT', what, remedy, { rule: 'release.config' });
