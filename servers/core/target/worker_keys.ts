import * as z from 'zod';
import { isCron } from './cron.ts';
import { isSourcePath } from './digest.ts';
import { NAME } from './names.ts';

/** Keys that decide what is deployed, or where, with the reason each is refused for. */
export const REFUSED: Record<string, string> = {
  env: 'an environment is a second Worker without the bindings and secrets of the first',
  pages_build_output_dir: 'a Pages project is no Worker; name "main" and "assets" instead',
  account_id: 'the account belongs to the target, not to the project',
  route: 'addresses are part of the approved infrastructure',
  routes: 'addresses are part of the approved infrastructure',
  no_bundle: 'what is verified is the bundle that the server builds',
  find_additional_modules: 'what is verified is the bundle that the server builds',
  base_dir: 'what is verified is the bundle that the server builds',
};

const name = z.string().regex(NAME, 'use lower-case letters, digits and inner hyphens');
const binding = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/, 'use a JavaScript name');
const path = z
  .string()
  .transform((text) => text.replace(/^\.\//, '').replace(/\/$/, ''))
  .refine(isSourcePath, 'use a relative path inside the repository, in plain characters');
const list = <T extends z.ZodType>(item: T) => z.array(item).max(20).default([]);

/** A Worker answers at the address that its target gives it, and each version at its own: that can't be turned off. */
const opened = z.literal(true, 'the target gives the Worker its address; leave it out').optional();

/** The end of the names that a rule's glob is for; a module of a bundle is known by it alone. */
export const endOfGlob = (glob: string): string | undefined =>
  /\.([A-Za-z0-9]{1,20})(?:\?module)?$/.exec(glob)?.[1];
const CODE = ['js', 'mjs', 'cjs', 'ts', 'mts', 'cts', 'jsx', 'tsx'];
const rule = z.strictObject({
  type: z.enum(['Text', 'Data', 'CompiledWasm'], 'only rules of Text, Data and CompiledWasm are built'),
  globs: z
    .array(
      z
        .string()
        .max(200)
        .refine(
          (glob) => !CODE.includes(endOfGlob(glob) ?? 'js'),
          'end it in what the names end in, such as *.md',
        ),
    )
    .max(20),
  fallthrough: z.boolean().optional(),
});

/** One end of names has one type. */
const oneTypeEach = (rules: readonly z.output<typeof rule>[]) => {
  const ends = rules.flatMap(({ globs }) => [...new Set(globs.map(endOfGlob))]);
  return new Set(ends).size === ends.length;
};

/** What each key of a Worker config may be. `id`s belong to an account: resources are found by name. */
export const workerKeys = z.strictObject({
  $schema: z.string().optional(),
  name,
  main: path
    .refine((file) => /\.(?:ts|tsx|mts|js|jsx|mjs)$/.test(file), 'use a TypeScript or JavaScript file')
    .optional(),
  compatibility_date: z.string().regex(/^\d{4}-\d{2}-\d{2}$/, 'use YYYY-MM-DD'),
  compatibility_flags: z
    .array(z.string().regex(/^[a-z0-9_:-]{1,80}$/))
    .max(40)
    .default([]),
  observability: z.unknown().optional(),
  dev: z.unknown().optional(),
  upload_source_maps: z.boolean().optional(),
  send_metrics: z.boolean().optional(),
  workers_dev: opened,
  preview_urls: opened,
  rules: z.array(rule).max(20).refine(oneTypeEach, 'two rules are for the same end of names').default([]),
  build: z
    .strictObject({
      command: z.string().min(1).max(500),
      cwd: z.enum(['.', './'], 'the build runs in the folder of the Worker config').optional(),
      watch_dir: z.unknown().optional(),
    })
    .optional(),
  d1_databases: list(
    z.strictObject({
      binding,
      database_name: name,
      database_id: z.string().optional(),
      preview_database_id: z.string().optional(),
      migrations_dir: path.default('migrations'),
    }),
  ),
  kv_namespaces: list(
    z.strictObject({ binding, id: z.string().optional(), preview_id: z.string().optional() }),
  ),
  r2_buckets: list(
    z.strictObject({ binding, bucket_name: name.optional(), preview_bucket_name: z.string().optional() }),
  ),
  queues: z
    .strictObject({
      producers: list(z.strictObject({ binding, queue: name })),
      consumers: list(
        z.strictObject({
          queue: name,
          max_batch_size: z.int().min(1).max(100).optional(),
          max_batch_timeout: z.number().optional(),
          max_retries: z.number().optional(),
        }),
      ),
    })
    .default({ producers: [], consumers: [] }),
  triggers: z
    .strictObject({ crons: list(z.string().refine(isCron, 'use the five fields of cron, in UTC')) })
    .default({ crons: [] }),
  durable_objects: z
    .strictObject({ bindings: list(z.strictObject({ name: binding, class_name: binding })) })
    .default({ bindings: [] }),
  migrations: list(
    z.strictObject({
      tag: z.string(),
      new_classes: list(binding),
      new_sqlite_classes: list(binding),
    }),
  ),
  assets: z
    .strictObject({
      directory: path.optional(),
      binding: binding.optional(),
      not_found_handling: z.enum(['none', '404-page', 'single-page-application']).default('none'),
      html_handling: z.literal('auto-trailing-slash').optional(),
      run_worker_first: z.boolean().default(false),
    })
    .optional(),
  secrets: z.strictObject({ required: z.array(binding).max(50).default([]) }).default({ required: [] }),
  vars: z.record(binding, z.string().max(5_000)).default({}),
});
export type WorkerKeys = z.output<typeof workerKeys>;
