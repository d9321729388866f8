import { type ParseError, parse, printParseErrorCode } from 'jsonc-parser';
import type * as z from 'zod';
import { ToolError } from '../errors.ts';
import type { WorkerConfig } from './target.ts';
import { endOfGlob, REFUSED, type WorkerKeys, workerKeys } from './worker_keys.ts';

const MAX_CONFIG_CHARS = 100_000;

/** A project's Worker as it describes itself; `config.main` is its source file, empty when it
 * has assets only; `migrations` says where each database's lie. */
export interface WorkerSource {
  config: WorkerConfig;
  /** The folder whose files are served as they are. */
  assets: string | null;
  /** How modules that are no code are taken in. */
  rules: WorkerKeys['rules'];
  /** The command that the project wants to be run before it is bundled. */
  build: string | null;
  migrations: { database: string; directory: string }[];
}

/**
 * Reads the text of a wrangler.jsonc or wrangler.json as data; nothing is executed and no other file is read.
 *
 * Only keys that mean something to every target are accepted; database ids are ignored, as resources are found
 * by name. Throws INVALID_INPUT that names the key (`env` among others) or the place of a mistake.
 */
export function readWorkerConfig(text: string): WorkerSource {
  const value = parseJsonc(text);
  refuseKeys(value);
  const parsed = workerKeys.safeParse(value);
  if (!parsed.success) throw invalid(sentence(parsed.error));
  return sourceOf(parsed.data);
}

function sourceOf(keys: WorkerKeys): WorkerSource {
  const config = configOf(keys);
  const { d1, kv, r2, queues, durableObjects, assets, secrets, vars } = config;
  const bindings = [
    ...[...d1, ...kv, ...r2, ...queues.producers, ...durableObjects].map(({ binding }) => binding),
    ...(assets?.binding === undefined ? [] : [assets.binding]),
    ...secrets,
    ...Object.keys(vars),
  ];
  if (new Set(bindings).size !== bindings.length) throw invalid('The Worker config binds one name twice.');
  if (keys.main === undefined && !assets)
    throw invalid('The Worker config names neither a main module nor a folder of assets.');
  return {
    config,
    assets: keys.assets?.directory ?? null,
    rules: keys.rules,
    build: keys.build?.command ?? null,
    migrations: keys.d1_databases.map(({ database_name, migrations_dir }) => ({
      database: database_name,
      directory: migrations_dir,
    })),
  };
}

function configOf(keys: WorkerKeys): WorkerConfig {
  const { name, queues, assets } = keys;
  const classes = keys.migrations.flatMap(({ new_sqlite_classes }) => new_sqlite_classes);
  return {
    name,
    main: keys.main ?? '',
    compatibilityDate: keys.compatibility_date,
    compatibilityFlags: keys.compatibility_flags,
    d1: keys.d1_databases.map(({ binding, database_name }) => ({ binding, database: database_name })),
    kv: keys.kv_namespaces.map(({ binding }) => ({ binding, namespace: nameFor(name, binding) })),
    r2: keys.r2_buckets.map(({ binding, bucket_name }) => ({
      binding,
      bucket: bucket_name ?? nameFor(name, binding),
    })),
    queues: {
      producers: queues.producers,
      consumers: queues.consumers.map(({ queue, max_batch_size }) => ({
        queue,
        ...(max_batch_size !== undefined && { maxBatchSize: max_batch_size }),
      })),
    },
    crons: keys.triggers.crons,
    durableObjects: keys.durable_objects.bindings.map((one) => ({
      binding: one.name,
      className: one.class_name,
      sqlite: classes.includes(one.class_name),
    })),
    assets: assets
      ? {
          ...(assets.binding !== undefined && { binding: assets.binding }),
          notFound: assets.not_found_handling,
          runWorkerFirst: assets.run_worker_first,
        }
      : null,
    secrets: keys.secrets.required,
    vars: keys.vars,
    ...(keys.rules.length > 0 && { modules: typesByEnd(keys.rules) }),
  };
}

const typesByEnd = (rules: WorkerKeys['rules']) =>
  Object.fromEntries(rules.flatMap(({ type, globs }) => globs.map((glob) => [endOfGlob(glob), type])));

/** What is found by name needs one where a project gives only an id: the Worker's, with the binding's behind it. */
const nameFor = (worker: string, binding: string) =>
  `${worker}-${binding.toLowerCase().replaceAll('_', '-')}`.slice(0, 63).replace(/-+$/, '');

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
    if (!Object.hasOwn(workerKeys.shape, key)) {
      throw invalid(
        `The Worker config has the key ${JSON.stringify(key.slice(0, 80))}, which would change what is deployed and is not among what Millwright deploys: ${Object.keys(workerKeys.shape).join(', ')}.`,
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
