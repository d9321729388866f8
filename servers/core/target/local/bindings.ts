import { moduleTypeOf } from '../module_types.ts';
import type { BundleFile, Resource, ResourceKind, Share, WorkerConfig, WorkerVersion } from '../target.ts';
import type { Site } from './workerd_options.ts';

/** The name of a version's Worker in workerd. */
export const workerName = (product: string, version: string) => `version:${product}:${version}`;

/**
 * The version that answers for a product where only one can: to its queues and crons, and for the classes of its
 * durable objects. It is the one with the largest share, the first of two equal ones.
 */
export const leading = (shares: readonly Share[]): string | undefined =>
  shares.reduce<Share | undefined>(
    (best, one) => (best && best.percent >= one.percent ? best : one),
    undefined,
  )?.version;

/** Whether it matters which version of a product leads. */
export const needsLeader = ({ durableObjects, queues, crons }: WorkerConfig): boolean =>
  durableObjects.length + queues.consumers.length + crons.length > 0;

/** The bindings of a version, by the names its code knows. */
export function envOf(
  resources: readonly Resource[],
  { product, shares, loaded }: Pick<Site, 'product' | 'shares' | 'loaded'>,
  { version, config, secrets }: WorkerVersion,
): Record<string, unknown> {
  const id = (kind: ResourceKind, name: string) => idOf(resources, kind, name);
  const leader = loaded.find((one) => one.version.version === leading(shares))?.version;
  const hostOf = (className: string) =>
    leader?.config.durableObjects.some((one) => one.className === className) ? leader.version : version;
  return Object.fromEntries<unknown>([
    ...Object.entries({ ...config.vars, ...secrets }).map(([name, value]) => [name, { type: 'text', value }]),
    ...config.d1.map(({ binding, database }) => [binding, { type: 'd1', id: id('d1', database) }]),
    ...config.kv.map(({ binding, namespace }) => [binding, { type: 'kv', id: id('kv', namespace) }]),
    ...config.r2.map(({ binding, bucket }) => [binding, { type: 'r2', name: id('r2', bucket) }]),
    ...config.queues.producers.map(({ binding, queue }) => [binding, { type: 'queue', name: queue }]),
    ...config.durableObjects.map(({ binding, className }) => [
      binding,
      {
        type: 'durable-object',
        worker: workerName(product, hostOf(className)),
        exportName: className,
      },
    ]),
    ...(config.assets?.binding === undefined ? [] : [[config.assets.binding, { type: 'assets' }]]),
  ] as [string, unknown][]);
}

/** The classes that a version exports. Their objects belong to the product, so that every version finds them. */
export const exportsOf = (product: string, { durableObjects }: WorkerConfig) =>
  Object.fromEntries(
    durableObjects.map(({ className, sqlite }) => [
      className,
      {
        type: 'durable-object',
        storage: sqlite ? 'sqlite' : 'legacy-kv',
        unsafeUniqueKey: `${product}-${className}`,
      },
    ]),
  );

/** What calls a version besides requests: the queues it consumes, if it leads. Crons are called by the runtime. */
export const triggersOf = ({ shares }: Pick<Site, 'shares'>, { version, config }: WorkerVersion) =>
  leading(shares) !== version
    ? []
    : config.queues.consumers.map(({ queue, maxBatchSize }) => ({
        type: 'queue',
        name: queue,
        maxBatchTimeout: 1,
        ...(maxBatchSize !== undefined && { maxBatchSize }),
      }));

function idOf(resources: readonly Resource[], kind: ResourceKind, name: string): string {
  const found = resources.find((one) => one.kind === kind && one.name === name);
  if (!found) throw new Error(`the ${kind} ${name} does not exist`);
  return found.id;
}

/** A module of a bundle as workerd takes it. */
export function moduleOf({ path, bytes }: BundleFile, config: WorkerConfig) {
  const type = moduleTypeOf(path, config);
  if (type === 'ESModule') return { type: 'esm' as const, contents: Buffer.from(bytes).toString() };
  if (type === 'Text') return { type: 'text' as const, contents: Buffer.from(bytes).toString() };
  return {
    type: type === 'CompiledWasm' ? ('wasm' as const) : ('data' as const),
    contents: Buffer.from(bytes),
  };
}
