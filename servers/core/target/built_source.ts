import { dirname, join, normalize } from 'node:path/posix';
import * as z from 'zod';
import { exists } from '../files.ts';
import { invalidCheckout, readPlainFile } from './checkout_files.ts';
import { isSourcePath } from './digest.ts';
import type { WorkerSource } from './worker_config.ts';

/** Where Cloudflare's plugin for Vite says what it has made of a Worker config. */
const REDIRECT = '.wrangler/deploy/config.json';
const MAX_BYTES = 200_000;

const redirect = z.object({
  configPath: z.string().max(500),
  auxiliaryWorkers: z.array(z.unknown()).optional(),
});
const madeConfig = z.looseObject({
  name: z.string(),
  main: z.string().optional(),
  assets: z.looseObject({ directory: z.string().optional() }).optional(),
});

/** What is bundled and served of a checkout: its main module, empty without one, and its folder of assets. */
export type Built = Pick<WorkerSource, 'assets'> & { main: string };

/**
 * What a product's build left to be bundled: what the Worker config names, or what the build says it has made of that.
 * Only paths are taken from what a build wrote. Throws INVALID_INPUT with rule `release.config` where it made a Worker
 * of another name, or one that binds what the Worker config does not.
 */
export async function builtSource(checkout: string, source: WorkerSource): Promise<Built> {
  const { config, assets } = source;
  if (!(await exists(join(checkout, REDIRECT)))) return { main: config.main, assets };
  const { configPath, auxiliaryWorkers = [] } = await readJson(checkout, REDIRECT, redirect);
  if (auxiliaryWorkers.length > 0)
    throw invalidCheckout('The build makes more than one Worker; a product is one.');
  const path = inside(join(dirname(REDIRECT), configPath));
  const made = await readJson(checkout, path, madeConfig);
  if (made.name !== config.name)
    throw invalidCheckout(
      `The build makes the Worker ${JSON.stringify(made.name.slice(0, 80))}, and the Worker config names ${config.name}.`,
    );
  refuseAddedBindings(made, source);
  const at = (name: string) => inside(join(dirname(path), name));
  return {
    main: made.main === undefined ? '' : at(made.main),
    assets: made.assets?.directory === undefined ? assets : at(made.assets.directory),
  };
}

function refuseAddedBindings(made: object, { config }: WorkerSource): void {
  const { d1, kv, r2, queues, durableObjects, assets } = config;
  const known = [...d1, ...kv, ...r2, ...queues.producers, ...durableObjects].map(({ binding }) => binding);
  const added = bindingsIn(made).find((name) => ![...known, assets?.binding].includes(name));
  if (added === undefined) return;
  throw invalidCheckout(
    `The build adds the binding ${JSON.stringify(added.slice(0, 60))}, which the Worker config does not have; name it there, so that it is part of what is approved.`,
  );
}

/** Every `binding` of a config, and the names of its Durable Objects. */
function bindingsIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const { binding, name, class_name } = value as Record<string, unknown>;
  const own = [binding, class_name === undefined ? undefined : name].filter((one) => typeof one === 'string');
  return [...own, ...Object.values(value).flatMap(bindingsIn)];
}

async function readJson<T>(checkout: string, path: string, shape: z.ZodType<T>): Promise<T> {
  const text = (await readPlainFile(checkout, path, MAX_BYTES)).toString();
  try {
    return shape.parse(JSON.parse(text));
  } catch (cause) {
    throw invalidCheckout(`The build left ${path}, which is no Worker config.`, cause);
  }
}

/** A path that a build named, without a trailing slash. Throws when it leads out of the checkout. */
function inside(path: string): string {
  const plain = normalize(path).replace(/\/$/, '');
  if (isSourcePath(plain)) return plain;
  throw invalidCheckout(
    `The build names ${JSON.stringify(path.slice(0, 200))}, which is not in the repository.`,
  );
}
