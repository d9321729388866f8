import { cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'jsonc-parser';
import * as z from 'zod';
import type { CleanCheckout } from '../core/clean_run.ts';
import { ToolError } from '../core/errors.ts';
import { endOf, printed } from '../core/outcome.ts';
import type { Layer } from '../core/sandbox/sandbox.ts';
import type { Services } from '../core/services.ts';
import { bundleWorker } from '../core/target/bundle.ts';
import { programFor } from './program.ts';
import { layOutWorker, withRoom } from './room.ts';
import { readerOf } from './suite_check.ts';

export const launch = z.object({
  /** `nothing`: the product is no program that answers requests, so there is nothing to start. */
  state: z.enum(['started', 'failed', 'nothing']),
  why: z.string().max(2_000),
});
export type Launch = z.infer<typeof launch>;

const answer = z.object({ started: z.boolean(), status: z.int().optional(), why: z.string().optional() });
const manifest = z.looseObject({ scripts: z.record(z.string(), z.string()).optional() });
const START_MS = 60_000;

/**
 * Starts the product of a clean checkout once, in the sandbox, and asks it for its first page: a Worker in workerd
 * with empty databases, any other by its `start` script. An answer of 500 or more is no start.
 */
export async function launchOnce(
  services: Services,
  {
    folder,
    layers,
    kept,
    signal,
  }: Pick<CleanCheckout, 'folder' | 'layers' | 'kept'> & { signal: AbortSignal },
): Promise<Launch> {
  const read = readerOf(folder);
  const isWorker =
    (await read('wrangler.jsonc')) ?? (await read('wrangler.json')) ?? (await read('wrangler.toml'));
  const scripts = manifest.safeParse(parse((await read('package.json')) ?? '{}')).data?.scripts ?? {};
  if (isWorker === undefined && scripts['start'] === undefined)
    return { state: 'nothing', why: 'the product has no wrangler config and no start script' };
  try {
    return await withRoom(async (room) => {
      const work = join(room, 'job');
      await mkdir(work);
      if (isWorker === undefined)
        return ask(services, { work, product: await commandIn(folder, work), layers, signal });
      return ask(services, {
        work,
        product: await workerIn(services, { folder, layers, kept, work }),
        layers: [],
        signal,
      });
    }, services.paths.work);
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    const said = error.cause instanceof Error ? ` ${error.cause.message}` : '';
    return { state: 'failed', why: `${error.message}${said}`.slice(0, 2_000) };
  }
}

async function commandIn(folder: string, work: string) {
  await cp(folder, join(work, 'product'), { recursive: true, verbatimSymlinks: true });
  return { kind: 'command', command: ['npm', 'start'], cwd: 'product' };
}

async function workerIn(
  services: Services,
  { folder, layers, kept, work }: Pick<CleanCheckout, 'folder' | 'layers' | 'kept'> & { work: string },
) {
  const copy = join(work, '..', 'checkout');
  await cp(folder, copy, { recursive: true, verbatimSymlinks: true });
  const bundle = await bundleWorker(await services.sandbox(), { checkout: copy, layers, kept });
  return layOutWorker(work, bundle);
}

async function ask(
  services: Services,
  {
    work,
    product,
    layers,
    signal,
  }: { work: string; product: object; layers: readonly Layer[]; signal: AbortSignal },
): Promise<Launch> {
  const sandbox = await services.sandbox();
  const program = programFor(sandbox, 'qa-start');
  const result = await sandbox.run({
    command: ['node', program.script],
    work,
    layers: [...program.layers, ...layers],
    input: JSON.stringify({ product }),
    limits: { wallMs: START_MS },
    signal,
  });
  const said = answer.safeParse(jsonOf(result.stdout)).data;
  if (!said)
    return {
      state: 'failed',
      why: `it could not be started (${endOf(result)}): ${printed(result).slice(-1_000)}`,
    };
  if (!said.started) return { state: 'failed', why: (said.why ?? 'it does not start').slice(0, 2_000) };
  return (said.status ?? 0) >= 500
    ? { state: 'failed', why: `its first answer is ${said.status}` }
    : { state: 'started', why: `its first answer is ${said.status}` };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
