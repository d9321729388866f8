import { chmod, mkdir, realpath } from 'node:fs/promises';
import * as z from 'zod';
import { ToolError } from '../../errors.ts';
import { checkName, checkShares, checkVersion } from '../names.ts';
import type { Target } from '../target.ts';
import { readActive } from './active.ts';
import { runtimeHolder } from './claim.ts';
import { type Command, type Order, send } from './control.ts';
import { absent } from './files.ts';
import { ended, reapLocalRuntime, stop } from './reap.ts';
import { ensureResource, listResources, removeResource } from './resources.ts';
import { defaultRuntimeCommand, ensureRuntime } from './start_runtime.ts';
import { storeVersion } from './versions.ts';

export { reapLocalRuntime };

/** How long a killed process may take to leave the process table. */
const DYING_MS = 500;

const urlSchema = z.strictObject({ url: z.string() });
const numbersSchema = z.array(
  z.strictObject({
    version: z.string(),
    requests: z.int(),
    errors: z.int(),
    latencyMs: z.array(z.number()),
  }),
);
const servingSchema = z.strictObject({
  shares: z.array(z.strictObject({ version: z.string(), percent: z.int() })),
  url: z.string(),
});

/**
 * The target on this machine: real Workers in workerd, D1 on disk, every product on its own port of 127.0.0.1.
 *
 * All state lies under `dir`, which gets mode 0700. Workers run in one runtime process per folder, which any server
 * process starts on demand and which outlives it; after a restart it serves again what was active. A version that is
 * loaded restarts workerd, so all products pause for a moment; a split between loaded versions does not. Workers can't reach any network. Bounds of
 * the real place (CPU time, for one) are not enforced here.
 *
 * `runtimeCommand` is the command line that runs `runtime.ts`, to which the folder is appended.
 */
export async function openLocalTarget(options: {
  dir: string;
  runtimeCommand?: readonly string[];
}): Promise<Target> {
  await mkdir(options.dir, { recursive: true, mode: 0o700 });
  const dir = await realpath(options.dir);
  await chmod(dir, 0o700);
  const command = options.runtimeCommand ?? defaultRuntimeCommand();

  /** Every order may be repeated, so one that died with its runtime is given to the next. */
  async function order(name: Command, what: Partial<Order>, attempts = 2): Promise<unknown> {
    const runtime = await ensureRuntime(dir, command);
    try {
      return await send(runtime.socket, name, what);
    } catch (cause) {
      if (cause instanceof ToolError) throw cause;
      const gone = await ended(runtime, DYING_MS).then(
        () => true,
        () => false,
      );
      if (gone && attempts > 1) return order(name, what, attempts - 1);
      throw new ToolError(
        'UPSTREAM',
        'The local Workers runtime did not answer.',
        'Call the same tool again; if it fails once more, say so in task_block.',
        { cause },
      );
    }
  }

  const served = async (product: string) =>
    ((await readActive(dir))[checkName(product)]?.shares.length ?? 0) > 0;

  return {
    name: 'local',
    resources: () => listResources(dir),
    ensure: (spec) => ensureResource(dir, spec),
    upload: (version) => storeVersion(dir, version),

    async migrate(product, version) {
      return z.array(z.string()).parse(await order('migrate', named(product, version)));
    },
    async split(product, shares) {
      checkShares(shares);
      return urlSchema.parse(await order('split', { product: checkName(product), shares: [...shares] }));
    },
    async serving(product) {
      return (await served(product))
        ? servingSchema.nullable().parse(await order('serving', { product }))
        : null;
    },
    async previewUrl(product, version) {
      return urlSchema.parse(await order('preview', named(product, version))).url;
    },
    async numbers(product) {
      return (await served(product))
        ? numbersSchema.nullable().parse(await order('numbers', { product }))
        : null;
    },
    async remove(resource) {
      const { kind, name } = resource;
      const exists = (await listResources(dir)).some(({ id }) => id === resource.id);
      if (exists && kind !== 'queue' && kind !== 'worker') await order('empty', { resource: { kind, name } });
      await removeResource(dir, resource);
    },
    async retire(product) {
      if ((await served(product)) || (await runtimeHolder(dir)))
        await order('retire', { product: checkName(product) });
    },
  };
}

/** Ends the runtime of a folder and everything it started. Returns whether one was running. */
export async function stopLocalRuntime(dir: string): Promise<boolean> {
  const folder = await realpath(dir).catch(absent);
  if (folder === null) return false;
  const holder = await runtimeHolder(folder);
  if (holder) await stop(holder);
  await reapLocalRuntime(folder);
  return holder !== null;
}

const named = (product: string, version: string) => ({
  product: checkName(product),
  version: checkVersion(version),
});
