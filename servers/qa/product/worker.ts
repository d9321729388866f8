import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Miniflare } from 'miniflare';
import * as z from 'zod';
import { inTime } from '../../core/in_time.ts';
import { ASSETS } from '../../core/target/digest.ts';
import { moduleTypeOf } from '../../core/target/module_types.ts';

const START_MS = 15_000;
const LOG_CHARS = 4_000;

/** What is needed to run a bundle: names and dates as in wrangler's configuration. */
export const productConfig = z.strictObject({
  name: z.string().min(1).max(100),
  main: z.string().min(1).max(200).describe('File name of the entry module in the bundle.'),
  compatibilityDate: z.iso.date(),
  compatibilityFlags: z.array(z.string().max(100)).max(50).default([]),
  vars: z.record(z.string().max(100), z.string().max(10_000)).default({}),
  modules: z
    .record(z.string().max(20), z.enum(['Text', 'Data', 'CompiledWasm']))
    .exactOptional()
    .describe('Types of modules by the ends of their names.'),
  d1: z.array(z.string().min(1).max(100)).max(20).default([]).describe('Binding names.'),
  migrationsDir: z
    .string()
    .max(1_000)
    .optional()
    .describe('Applied to every D1 database, in order of file names.'),
});
export type ProductConfig = z.infer<typeof productConfig>;

export interface RunningProduct {
  /** `http://127.0.0.1:<port>`, the port chosen by the system. */
  origin: string;
  /** Stops workerd and drops its data. */
  stop(): Promise<void>;
  /** Where a debugger of the runtime connects, for a Worker that was started with one: `ws://127.0.0.1:<port>`. */
  inspector?: string;
}

/** The product did not start; the message says why, bounded, in the runtime's words. */
export class NotStarted extends Error {}

/**
 * Runs a built bundle in workerd with empty databases, and answers when it answers.
 *
 * The bytes in `bundleDir` run as they are: the output of `wrangler deploy --dry-run --outdir`. Nothing leaves the
 * machine. Throws `NotStarted` when a migration fails, the runtime refuses the bundle, or nothing answers in 15 s.
 */
export async function startProduct(
  bundleDir: string,
  config: ProductConfig,
  { inspected = false }: { inspected?: boolean } = {},
): Promise<RunningProduct> {
  let log = '';
  let runtime: Miniflare | undefined;
  try {
    const modules = await readModules(bundleDir, config);
    // Loaded late: it is large, and its absence is a reason like any other.
    const { convertV4MiniflareOptions, Miniflare, NoOpLog } = await import('miniflare');
    runtime = new Miniflare(
      convertV4MiniflareOptions({
        name: config.name,
        modules,
        compatibilityDate: config.compatibilityDate,
        compatibilityFlags: config.compatibilityFlags,
        bindings: config.vars,
        d1Databases: Object.fromEntries(
          config.d1.map((binding) => [binding, `probe-${binding.toLowerCase()}`]),
        ),
        host: '127.0.0.1',
        port: 0,
        ...(inspected ? { inspectorPort: 0, inspectorHost: '127.0.0.1' } : {}),
        cf: false,
        log: new NoOpLog(),
        handleRuntimeStdio(stdout: Readable, stderr: Readable) {
          stdout.resume();
          stderr.on('data', (chunk) => {
            log = (log + chunk).slice(0, LOG_CHARS);
          });
        },
      }),
    );
    const { origin } = await inTime(runtime.ready, START_MS, tooLate);
    for (const binding of config.d1) await migrate(runtime, binding, config.migrationsDir);
    await inTime(
      fetch(origin, { redirect: 'manual', signal: AbortSignal.timeout(START_MS) }),
      START_MS,
      tooLate,
    );
    const started = runtime;
    const inspector = inspected ? (await started.getInspectorURL()).origin : undefined;
    return { origin, stop: () => started.dispose(), ...(inspector === undefined ? {} : { inspector }) };
  } catch (error) {
    await runtime?.dispose().catch(() => undefined);
    const reason = error instanceof Error ? error.message : String(error);
    throw new NotStarted(`${reason}\n${log}`.trim().slice(0, LOG_CHARS), { cause: error });
  }
}

async function readModules(bundleDir: string, config: ProductConfig) {
  const { main } = config;
  const files = (await readdir(bundleDir, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(join(bundleDir, '/').length))
    .filter((path) => !path.startsWith(ASSETS))
    .sort((a, b) => Number(b === main) - Number(a === main) || a.localeCompare(b));
  if (files[0] !== main) throw new Error(`The bundle has no entry module ${main}.`);
  return Promise.all(
    files.map(async (path) => ({
      type: moduleTypeOf(path, config),
      path,
      contents: await readFile(join(bundleDir, path)),
    })),
  );
}

async function migrate(runtime: Miniflare, binding: string, dir: string | undefined): Promise<void> {
  if (dir === undefined) return;
  const database = await runtime.getD1Database(binding);
  const files = (await readdir(dir)).filter((name) => name.endsWith('.sql')).sort();
  for (const file of files) {
    await database
      .prepare(await readFile(join(dir, file), 'utf8'))
      .run()
      .catch((error: Error) => {
        throw new Error(`Migration ${file} failed: ${error.message}`, { cause: error });
      });
  }
}

const tooLate = () => new Error(`No answer within ${START_MS / 1000} s.`);
